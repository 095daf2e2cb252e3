import { type EndCode, LocalMedia, MeetingClient, type MeetingSnapshot, TabMemory, readToken } from "@alltid-oppet/client";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { useMeetingChat } from "./hooks/useMeetingChat";
import { useLanguage } from "./i18n/context";
import { ActingFor } from "./parts/ActingFor";
import { loadPreference, savePreference } from "./preferences";
import { Connecting, Ended } from "./screens/Notice";
import { PreJoin } from "./screens/PreJoin";
import { Room } from "./screens/Room";
import { WaitingRoom } from "./screens/WaitingRoom";

export interface MeetingProps {
  /** The front's origin. */
  url: string;
  /** The meeting token (JWT), or an empty text when the link had none. */
  token: string;
  /** Gets another token when this one has expired. */
  freshToken?: (() => Promise<string>) | undefined;
  /** Go in at once, with microphone and camera: for hosts whose devices the browser already lets them use. */
  direct?: boolean;
  /** For whom one is here as proxy. */
  actingFor?: string | null;
  /** Where the end pages lead, besides back into the meeting. */
  home?: string | undefined;
  /** The meeting is over for this person, for the page around. */
  onEnd?: ((code: EndCode) => void) | undefined;
  /** A new client per visit: the first one, and one for each return from an end page. */
  onClient?: ((client: MeetingClient) => void) | undefined;
}

interface Visit {
  client: MeetingClient;
  /** Without the check page: coming back after a reload, or direct. */
  straight: boolean;
}

/** The whole way through a meeting: check, room, end. Knows of no pages or routes. */
export function Meeting({ url, token, freshToken, direct = false, actingFor = null, home, onEnd, onClient }: MeetingProps) {
  const { language } = useLanguage();
  const claims = useMemo(() => readToken(token), [token]);
  const [visit, setVisit] = useState<Visit>(() => startVisit(token, freshToken, direct));
  const { client } = visit;
  const [snapshot, setSnapshot] = useState<MeetingSnapshot>(client.snapshot);
  const [seen, setSeen] = useState<"room" | "waiting" | null>(null);
  const [speakerId, setSpeakerId] = useState(loadPreference("speaker") ?? "");

  useEffect(() => {
    onClient?.(client);
    setSnapshot(client.snapshot);
    setSeen(null);
    return client.on("changed", setSnapshot);
  }, [client]);
  useEffect(() => {
    if (unusable(claims)) return;
    const remembered = claims && new TabMemory(claims.room, claims.identity).load();
    if (visit.straight) {
      const active = remembered?.active ?? { microphone: true, camera: true };
      if (active.microphone && active.camera) void client.media.start();
      else if (active.microphone) void client.media.set("microphone", true);
      else if (active.camera) void client.media.set("camera", true);
      client.connect(url, token);
    } else {
      void client.media.start();
    }
  }, [visit]);
  useEffect(() => {
    if (snapshot.state === "connected") setSeen("room");
    if (snapshot.state === "waiting") setSeen("waiting");
  }, [snapshot.state]);

  const onSpeaker = useCallback((deviceId: string) => {
    savePreference("speaker", deviceId);
    setSpeakerId(deviceId);
  }, []);
  const endCode = unusable(claims) ?? (snapshot.state === "closed" ? (snapshot.endCode ?? "internal") : null);
  const chat = useMeetingChat(client, url, seen === "room" && endCode === null);
  const screen = endCode ? "ended" : (seen ?? (visit.straight ? "connecting" : "prejoin"));
  useEffect(() => {
    if (endCode) onEnd?.(endCode);
  }, [endCode]);
  return (
    <ActingFor name={actingFor}>
      <div
        class="ao-meeting"
        lang={language}
        data-testid="meeting"
        data-screen={screen}
        data-state={snapshot.state}
        data-media-lost={snapshot.mediaLost}
        data-end-code={endCode ?? ""}
        data-self-id={snapshot.selfId ?? ""}
      >
        {screen === "ended" && <Ended code={endCode!} home={home} onRejoin={() => setVisit(startVisit(token, freshToken))} />}
        {screen === "room" && <Room session={client} speakerId={speakerId} onSpeaker={onSpeaker} chat={chat} />}
        {screen === "connecting" && <Connecting />}
        {screen === "waiting" && <WaitingRoom media={client.media} place={snapshot.place} onLeave={() => client.leave()} />}
        {screen === "prejoin" && (
          <PreJoin
            media={client.media}
            name={claims?.name ?? ""}
            mustWait={claims?.admitted === false}
            joining={snapshot.state === "joining"}
            speakerId={speakerId}
            onSpeaker={onSpeaker}
            onJoin={() => client.connect(url, token)}
          />
        )}
      </div>
    </ActingFor>
  );
}

function startVisit(token: string, freshToken: MeetingProps["freshToken"], direct = false): Visit {
  const claims = readToken(token);
  const memory = claims ? new TabMemory(claims.room, claims.identity) : undefined;
  const client = new MeetingClient({ media: new LocalMedia(), freshToken, ...(memory && { memory }) });
  return { client, straight: direct || memory?.load() != null };
}

/** What can be known to fail before anything is asked of the server or the person. */
function unusable(claims: ReturnType<typeof readToken>): EndCode | null {
  if (typeof RTCPeerConnection === "undefined") return "browser_unsupported";
  return claims ? null : "token_invalid";
}
