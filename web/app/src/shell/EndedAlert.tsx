import { useState } from "preact/hooks";
import { useText } from "../i18n/texts";
import { takeLogout } from "../session";

/** Why nobody is logged in any more: one's own choice, or the session ran out. Nothing for who was never logged in. */
export function EndedAlert({ ended }: { ended: boolean }) {
  const t = useText();
  const [left] = useState(takeLogout);
  if (!left && !ended) return null;
  return (
    <div class="ds-alert" data-color={left ? "success" : "warning"} role="status" data-testid="ended" data-reason={left ? "logout" : "ended"}>
      <h2 class="ds-heading" data-size="2xs">
        {t(left ? "logged_out_title" : "session_ended_title")}
      </h2>
      <p>{t(left ? "logged_out_text" : "session_ended_text")}</p>
    </div>
  );
}
