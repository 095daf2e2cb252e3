import type { CaptureProblem, LocalMedia } from "@alltid-oppet/client";
import { useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";

const NAMED = { denied: "denied", not_found: "not_found", in_use: "in_use", insecure: "insecure" } as const;
type Name = (typeof NAMED)[keyof typeof NAMED] | "other";

const nameOf = (problem: CaptureProblem): Name => (problem in NAMED ? NAMED[problem as keyof typeof NAMED] : "other");

type Subject = "microphone" | "camera" | "both";

/** Why the microphone or camera does not work, and what to do about it; one notice when both have one cause. */
export function CaptureAlerts({ media }: { media: LocalMedia }) {
  const t = useTranslate();
  const { microphone, camera } = useSources(media);
  const same = microphone.problem !== null && microphone.problem === camera.problem;
  const subjects: Subject[] = same
    ? ["both"]
    : (["microphone", "camera"] as const).filter((source) => media.sources[source].problem !== null);
  const retry = (subject: Subject): void => void (subject === "both" ? media.start() : media.set(subject, true));
  return (
    <div role="alert" class="ao-alerts">
      {subjects.map((subject) => {
        const problem = (subject === "camera" ? camera : microphone).problem!;
        const name = nameOf(problem);
        return (
          <div key={subject} class="ds-alert" data-color="warning" data-testid={`problem-${subject}`} data-problem={problem}>
            <h2 class="ds-heading" data-size="2xs">
              {t(`problem_${name}_${subject}`)}
            </h2>
            <p>{t(`problem_${name}_help`)}</p>
            {name !== "insecure" && (
              <button type="button" class="ds-button" data-variant="secondary" onClick={() => retry(subject)}>
                {t("try_again")}
                {subject !== "both" && <span class="ds-sr-only">: {t(subject)}</span>}
              </button>
            )}
          </div>
        );
      })}
    </div>
  );
}
