import type { EndCode } from "@alltid-oppet/client";
import { useEffect, useRef } from "preact/hooks";
import { ENDINGS } from "../endings";
import { useTranslate } from "../i18n/context";
import { Icon } from "../parts/Icon";
import { Page } from "./Page";

interface EndedProps {
  code: EndCode;
  home: string | undefined;
  onRejoin: () => void;
}

/** The meeting is over for this person: why, and what to do next. */
export function Ended({ code, home, onRejoin }: EndedProps) {
  const t = useTranslate();
  const { prefix, action, fault } = ENDINGS[code];
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <Page name="ended">
      <div class="ao-notice" data-code={code} data-fault={fault}>
        <span class="ao-notice-mark">
          <Icon name={fault ? "help" : "check"} />
        </span>
        <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
          {t(`${prefix}_title`)}
        </h1>
        <p class="ao-lead">{t(`${prefix}_text`)}</p>
        {(action || home) && (
          <div class="ao-notice-actions">
            {action === "rejoin" && (
              <button type="button" class="ds-button" data-testid="rejoin" onClick={onRejoin}>
                {t(code === "left" ? "rejoin" : "try_again")}
              </button>
            )}
            {action === "reload" && (
              <button type="button" class="ds-button" data-testid="reload" onClick={() => location.reload()}>
                {t("reload")}
              </button>
            )}
            {home && (
              <a class="ds-button" data-variant="secondary" data-testid="home" href={home}>
                {t("to_start")}
              </a>
            )}
          </div>
        )}
        {fault && <p class="ao-hint">{t("error_code", { code })}</p>}
      </div>
    </Page>
  );
}

/** Coming back after a reload. */
export function Connecting() {
  const t = useTranslate();
  return (
    <Page name="connecting">
      <div class="ao-notice" role="status">
        <span class="ao-spinner ao-spinner-large" aria-hidden="true" />
        <h1 class="ds-heading" data-size="md">
          {t("connecting_title")}
        </h1>
        <p class="ao-lead">{t("connecting_text")}</p>
      </div>
    </Page>
  );
}
