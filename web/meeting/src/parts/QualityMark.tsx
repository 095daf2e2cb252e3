import type { ConnectionQuality } from "@alltid-oppet/client";
import { useTranslate } from "../i18n/context";

const BARS: Record<ConnectionQuality, number> = { good: 3, fair: 2, poor: 1, unknown: 0 };

/** Three bars, told apart by number and not by colour alone, with a text for everybody who cannot see them. */
export function QualityMark({ quality }: { quality: ConnectionQuality }) {
  const t = useTranslate();
  const text = t(`quality_${quality}`);
  return (
    <span class="ao-quality" data-testid="quality" data-quality={quality} role="img" aria-label={text} title={text}>
      {[1, 2, 3].map((bar) => (
        <span key={bar} class="ao-quality-bar" data-on={bar <= BARS[quality]} />
      ))}
    </span>
  );
}
