import { Arrivals, ConversationView } from "@alltid-oppet/chat";
import { useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { useChat, useOpened } from "../cases/useChat";
import { useText } from "../i18n/texts";
import { StaffPage } from "../portal/StaffPage";
import { Loading } from "../shell/Notice";

/** `/portal/channel`: what the staff of a unit write to each other. */
export function ChannelPage() {
  return (
    <StaffPage name="channel" fill>
      {(session) => <Channel key={session.commission!.commission_hsa_id} session={session} />}
    </StaffPage>
  );
}

function Channel({ session }: { session: Session }) {
  const t = useText();
  const { language } = useLanguage();
  const chat = useChat(session);
  const [id, setId] = useState<string | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!chat) return undefined;
    // Which channel it is comes with the socket's greeting.
    const look = (): void => setId(chat.hello?.channel ?? null);
    look();
    return chat.on("changed", look);
  }, [chat]);
  const conversation = useOpened(chat, id);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div class="ap-room" data-testid="channel">
      <div class="ap-room-head">
        <h1 class="ds-heading" data-size="xs" ref={heading} tabIndex={-1}>
          {t("title_channel")}
        </h1>
        <p class="ap-hint" data-testid="commission-name">
          {session.commission!.name}
        </p>
        <p class="ap-hint">{t("channel_text")}</p>
      </div>
      {conversation ? (
        <>
          <Arrivals conversation={conversation} language={language} open />
          <ConversationView conversation={conversation} language={language} files={null} />
        </>
      ) : (
        <Loading />
      )}
    </div>
  );
}
