import { Icon, type IconName } from "@alltid-oppet/meeting";
import { type TextKey, useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { EndedAlert } from "../shell/EndedAlert";

/** How long before its start a meeting opens, where nothing else is known. */
const OPENS_BEFORE_MINUTES = 15;

const STEPS: [icon: IconName, title: TextKey, text: TextKey][] = [
  ["person", "welcome_step_1", "welcome_step_1_text"],
  ["camera", "welcome_step_2", "welcome_step_2_text"],
  ["door", "welcome_step_3", "welcome_step_3_text"],
];


/** For somebody who is not logged in. */
export function Welcome({ ended }: { ended: boolean }) {
  const t = useText();
  return (
    <div class="ap-welcome">
      <EndedAlert ended={ended} />
      <section class="ap-hero">
        <div class="ap-hero-text">
          <h1 class="ds-heading" data-size="lg">
            {t("welcome_title")}
          </h1>
          <p class="ap-lead">{t("welcome_lead")}</p>
          <a class="ds-button ap-big" href={loginAddress("patient", "/")} data-testid="login-patient">
            <Icon name="lock" />
            {t("login_patient")}
          </a>
          <p class="ap-hint">{t("welcome_login_hint")}</p>
        </div>
        <Picture />
      </section>
      <section class="ap-steps" aria-labelledby="steps">
        <h2 id="steps" class="ds-heading" data-size="xs">
          {t("welcome_steps_title")}
        </h2>
        <ol>
          {STEPS.map(([icon, title, text]) => (
            <li key={title}>
              <span class="ap-mark">
                <Icon name={icon} />
              </span>
              <div>
                <h3 class="ds-heading" data-size="2xs">
                  {t(title)}
                </h3>
                <p>{t(text, { minutes: OPENS_BEFORE_MINUTES })}</p>
              </div>
            </li>
          ))}
        </ol>
      </section>
      <div class="ap-two">
        <section class="ap-card">
          <h2 class="ds-heading" data-size="2xs">
            {t("welcome_link_title")}
          </h2>
          <p>{t("welcome_link_text")}</p>
        </section>
        <section class="ap-card">
          <h2 class="ds-heading" data-size="2xs">
            {t("welcome_staff_title")}
          </h2>
          <p>
            <a class="ds-link" href="/portal">
              {t("welcome_staff_link")}
            </a>
          </p>
        </section>
      </div>
    </div>
  );
}

/** An open door with a picture call behind it, drawn for this page. */
function Picture() {
  return (
    <svg class="ap-picture" viewBox="0 0 320 240" aria-hidden="true" focusable="false">
      <rect x="24" y="28" width="272" height="184" rx="20" class="ap-picture-back" />
      <rect x="48" y="50" width="224" height="140" rx="12" class="ap-picture-screen" />
      <circle cx="160" cy="104" r="25" class="ap-picture-skin" />
      <path d="M135 101a25 25 0 0 1 50 0c-7-2-11-8-13-13-7 8-23 13-37 13Z" class="ap-picture-hair" />
      <path d="M112 190c3-34 22-52 48-52s45 18 48 52Z" class="ap-picture-coat" />
      <path d="M149 140l11 15 11-15" class="ap-picture-line" />
      <rect x="224" y="134" width="60" height="76" rx="10" class="ap-picture-self" />
      <circle cx="254" cy="163" r="12" class="ap-picture-skin-2" />
      <path d="M233 210c2-20 10-29 21-29s19 9 21 29Z" class="ap-picture-shirt" />
    </svg>
  );
}
