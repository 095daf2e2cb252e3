import { Icon, type IconName } from "@alltid-oppet/meeting";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useText } from "../i18n/texts";

interface Props {
  icon: IconName;
  title: string;
  text: string;
  /** For support: shown small. */
  code?: string | undefined;
  /** Takes the focus, so that a screen reader reads what happened. */
  focus?: boolean;
  /** 2 inside a page that has a heading of its own. */
  level?: 1 | 2;
  children?: ComponentChildren;
}

/** A page that says one thing: what happened, and what to do now. */
export function Notice({ icon, title, text, code, focus = true, level = 1, children }: Props) {
  const t = useText();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (focus) heading.current?.focus();
  }, [title]);
  const Heading = level === 1 ? "h1" : "h2";
  return (
    <div class="ap-notice" data-testid="notice" data-code={code}>
      <span class="ap-mark">
        <Icon name={icon} />
      </span>
      <Heading class="ds-heading" data-size={level === 1 ? "md" : "xs"} ref={heading} tabIndex={-1}>
        {title}
      </Heading>
      <p class="ap-lead">{text}</p>
      {children && <div class="ap-actions">{children}</div>}
      {code && <p class="ap-hint">{t("error_code", { code })}</p>}
    </div>
  );
}

/** While an answer is on its way. */
export function Loading() {
  const t = useText();
  return (
    <div class="ap-loading" role="status">
      <span class="ao-spinner ao-spinner-large" aria-hidden="true" />
      <span class="ds-sr-only">{t("loading")}</span>
    </div>
  );
}
