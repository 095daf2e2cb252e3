import { useTranslate } from "../i18n/context";
import { Icon } from "./Icon";

export function Brand() {
  const t = useTranslate();
  return (
    <span class="ao-brand">
      <span class="ao-brand-mark">
        <Icon name="door" />
      </span>
      {t("product")}
    </span>
  );
}
