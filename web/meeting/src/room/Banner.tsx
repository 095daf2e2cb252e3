import type { MeetingSnapshot } from "@alltid-oppet/client";
import { useTranslate } from "../i18n/context";
import type { MessageKey } from "../i18n/messages";

/** One line about one's own connection when it needs one. */
export function Banner({ snapshot, cameraOn }: { snapshot: MeetingSnapshot; cameraOn: boolean }) {
  const t = useTranslate();
  const own = snapshot.participants.find((participant) => participant.isSelf);
  let key: MessageKey | null = null;
  if (snapshot.state === "reconnecting") key = snapshot.mediaLost ? "banner_media" : "banner_reconnecting";
  else if (own?.quality === "poor" && cameraOn) key = "banner_poor";
  if (!key) return null;
  return (
    <p class="ao-banner" data-testid="banner" data-kind={key}>
      {snapshot.state === "reconnecting" && <span class="ao-spinner" aria-hidden="true" />}
      {t(key)}
    </p>
  );
}
