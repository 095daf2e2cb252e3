/** Web push of this browser: whether it can, whether it is on, and how to turn it on and off. */
import type { ContactApi } from "./api";

/** `none`: this browser, or the service, has no push. `denied`: only the browser's own settings can allow it again. */
export type PushState = "none" | "denied" | "off" | "on";

const WORKER = "/sw.js";

export const canPush = (): boolean => "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;

export async function pushState(): Promise<PushState> {
  if (!canPush()) return "none";
  if (Notification.permission === "denied") return "denied";
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager.getSubscription()) ? "on" : "off";
}

/** Asks the person, then subscribes at the browser's push service and tells the server. */
export async function turnOn(contacts: ContactApi, key: string): Promise<PushState> {
  if ((await Notification.requestPermission()) !== "granted") return pushState();
  await navigator.serviceWorker.register(WORKER);
  const { pushManager } = await navigator.serviceWorker.ready;
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
  try {
    await contacts.subscribe(subscription.toJSON());
  } catch (error) {
    // What the server does not know of would never be told.
    await subscription.unsubscribe();
    throw error;
  }
  return "on";
}

export async function turnOff(contacts: ContactApi): Promise<PushState> {
  const registration = await navigator.serviceWorker.getRegistration("/");
  const subscription = await registration?.pushManager.getSubscription();
  if (subscription) {
    await contacts.unsubscribe(subscription.endpoint);
    await subscription.unsubscribe();
  }
  return pushState();
}

/** Of base64url. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
}
