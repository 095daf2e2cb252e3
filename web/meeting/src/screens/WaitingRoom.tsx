import type { LocalMedia, WaitingView } from "@alltid-oppet/client";
import { useEffect, useRef } from "preact/hooks";
import { useLanguage } from "../i18n/context";
import type { Translate } from "../i18n/messages";
import { clock } from "../i18n/time";
import { CaptureAlerts } from "../parts/CaptureAlert";
import { Icon } from "../parts/Icon";
import { Preview } from "../parts/Preview";
import { Page } from "./Page";

interface Props {
  media: LocalMedia;
  /** Null once a host has admitted: the room is on its way. */
  place: WaitingView | null;
  onLeave: () => void;
}

/** Until a host admits: where one stands, what will happen, and whom to call. */
export function WaitingRoom({ media, place, onLeave }: Props) {
  const { t, language } = useLanguage();
  const heading = useRef<HTMLHeadingElement>(null);
  const last = useRef(place);
  if (place) last.current = place;
  const shown = last.current;
  useEffect(() => heading.current?.focus(), []);
  const startsLater = shown?.startsAt && shown.startsAt * 1000 > Date.now();
  return (
    <Page name="waiting">
      <div class="ao-prejoin">
        <section class="ao-waiting">
          <div class="ao-waiting-head">
            {shown?.title && <p class="ao-waiting-title">{shown.title}</p>}
            <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
              {t("waiting_title")}
            </h1>
          </div>
          <div class="ao-waiting-place" role="status" data-testid="place" data-position={place?.position}>
            <span class="ao-spinner ao-spinner-large" aria-hidden="true" />
            <div>
              {place ? (
                <>
                  <p class="ao-waiting-position">{positionText(t, place.people_before)}</p>
                  <p>{t(place.host_present ? "waiting_host_here" : "waiting_host_away")}</p>
                </>
              ) : (
                <p class="ao-waiting-position">{t("waiting_entering")}</p>
              )}
            </div>
          </div>
          {place?.reconnecting && (
            <p class="ds-alert" data-color="warning" role="alert" data-testid="waiting-reconnecting">
              {t("waiting_reconnecting")}
            </p>
          )}
          {shown && (
            <ul class="ao-waiting-facts">
              {startsLater && (
                <li>
                  <Icon name="calendar" />
                  {t("waiting_starts", { time: clock(language, shown.startsAt!) })}
                </li>
              )}
              {shown.estimated_wait_s !== null && (
                <li data-testid="estimate">
                  <Icon name="clock" />
                  {estimateText(t, shown.estimated_wait_s)}
                </li>
              )}
              <li>
                <Icon name="lock" />
                {t("waiting_unseen")}
              </li>
              {shown.phone && (
                <li data-testid="phone">
                  <Icon name="phone" />
                  <span>
                    {t("waiting_phone")}{" "}
                    <a class="ds-link" href={`tel:${shown.phone.replace(/[^\d+]/g, "")}`}>
                      {shown.phone}
                    </a>
                  </span>
                </li>
              )}
            </ul>
          )}
          <CaptureAlerts media={media} />
          <button type="button" class="ds-button ao-waiting-leave" data-variant="secondary" data-testid="leave" onClick={onLeave}>
            {t("waiting_leave")}
          </button>
        </section>
        <Preview media={media} />
      </div>
    </Page>
  );
}

export function positionText(t: Translate, before: number): string {
  if (before === 0) return t("waiting_next");
  return before === 1 ? t("waiting_before_one") : t("waiting_before_many", { count: before });
}

export function estimateText(t: Translate, seconds: number): string {
  return seconds < 60 ? t("waiting_estimate_short") : t("waiting_estimate", { minutes: Math.ceil(seconds / 60) });
}
