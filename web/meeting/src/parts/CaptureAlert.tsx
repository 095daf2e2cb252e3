import type { CaptureProblem, LocalMedia } from "@alltid-oppet/client";
import { useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";

const NAMED = { denied: "denied", not_found: "not_found", in_use: "in_use", insecure: "insecure" } as const;
type Name = (typeof NAMED)[keyof typeof NAMED] | "other";

const nameOf = (problem: CaptureProblem): Name => (problem in NAMED ? NAMED[problem as keyof typeof NAMED] : "other");

/** Why the microphone or camera does not work, and what to do about it. */
export function CaptureAlerts({ media }: { media: LocalMedia }) {
  const t = useTranslate();
  const sources = useSources(media);
  const failed = (["microphone", "camera"] as const).filter((source) => sources[source].problem !== null);
  const names = failed.map((source) => nameOf(sources[source].problem!));
  const same = names.length === 2 && names[0] === names[1];
  return (
    <div role="alert" class="ao-alerts">
      {failed.map((source, index) => (
        <div key={source} class="ds-alert" data-color="warning" data-testid={`problem-${source}`} data-problem={sources[source].problem}>
          <h2 class="ds-heading" data-size="2xs">
            {t(`problem_${names[index]!}_${source}`)}
          </h2>
          {!(same && index === 0) && <p>{t(`problem_${names[index]!}_help`)}</p>}
          {names[index] !== "insecure" && (
            <button type="button" class="ds-button" data-variant="secondary" onClick={() => void media.set(source, true)}>
              {t("try_again")}
              <span class="ds-sr-only">: {t(source)}</span>
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
