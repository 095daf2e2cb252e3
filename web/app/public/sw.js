// Shows what a push service brings, and leads to the cases when it is pressed. Keeps and answers nothing else: pages
// always come from the front. What is shown is neutral (docs/notices.md); the payload is encrypted (RFC 8291).
"use strict";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("push", (event) => {
  let notice = {};
  try {
    notice = event.data?.json() ?? {};
  } catch {
    // A message that cannot be read is announced as one that can: browsers demand that something is shown.
  }
  const title = typeof notice.title === "string" && notice.title ? notice.title : "Alltid öppet";
  const body = typeof notice.body === "string" ? notice.body : "";
  event.waitUntil(registration.showNotification(title, { body, icon: "/icon.svg", tag: "alltid-oppet", renotify: true }));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(toCases());
});

async function toCases() {
  for (const client of await clients.matchAll({ type: "window" })) {
    // A meeting is not left for a message.
    if (new URL(client.url).pathname.startsWith("/cases")) return client.focus();
  }
  return clients.openWindow("/cases");
}
