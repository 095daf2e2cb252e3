import { useEffect, useState } from "preact/hooks";
import { ApiError, type Session } from "../api";
import { keyFor, useText } from "../i18n/texts";
import { StaffPage } from "../portal/StaffPage";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { mayRunUnit } from "./rights";
import { type UnitSettings, firstSettings } from "./settings";
import { UnitForm } from "./UnitForm";

/** `/portal/unit`: what a unit has decided about messages, for those who run it. */
export function UnitPage() {
  return <StaffPage name="unit">{(session) => <Settings key={session.commission!.commission_hsa_id} session={session} />}</StaffPage>;
}

type Found = { status: "loading" } | { status: "here"; settings: UnitSettings } | { status: "failed"; error: ApiError };

function Settings({ session }: { session: Session }) {
  const t = useText();
  const { api, refused } = useSession();
  const [found, setFound] = useState<Found>({ status: "loading" });
  const { provider_hsa_id: provider = "", unit_hsa_id: unit = "", name } = session.commission!;
  const path = `/api/units/${encodeURIComponent(provider)}/${encodeURIComponent(unit)}`;
  const load = async (): Promise<void> => {
    try {
      setFound({ status: "here", settings: await api.request<UnitSettings>("GET", `${path}/settings`) });
    } catch (error) {
      const refusal = refused(error);
      if (refusal.status === 404) setFound({ status: "here", settings: firstSettings(name.split(",")[0]!) });
      else setFound({ status: "failed", error: refusal });
    }
  };
  useEffect(() => void load(), [path]);
  if (!mayRunUnit(session)) return <Notice icon="lock" title={t("unit_not_admin_title")} text={t("unit_not_admin_text")} />;
  if (found.status === "loading") return <Loading />;
  if (found.status === "failed") {
    return (
      <Notice icon="warning" title={t("page_failed")} text={t(keyFor("code_", found.error.code, "code_internal"))} code={found.error.code}>
        <button type="button" class="ds-button" onClick={() => void load()}>
          {t("retry")}
        </button>
      </Notice>
    );
  }
  const save = async (settings: UnitSettings): Promise<void> => {
    await api.request("PUT", path, settings);
    setFound({ status: "here", settings });
  };
  return <UnitForm settings={found.settings} commission={name} save={save} />;
}
