/**
 * One RTCPeerConnection: three things to send, a number of receive pairs, and offers made one at a time.
 * Only this side ever offers, so there is no glare; sources change by replaceTrack, so nothing is renegotiated.
 */
import type { Source } from "./protocol";
import type { ReceiveTrack } from "./slots";

export interface PeerOptions {
  /** Pairs of one audio and one video receive section. */
  slotPairs: number;
  /** Send the camera in three sizes, so that each receiver gets what fits. */
  simulcast: boolean;
  /** TURN servers known from an earlier join; the first join brings them too late for its own offer. */
  iceServers?: RTCIceServer[];
}

export interface PeerHandlers {
  ice(state: "connected" | "disconnected" | "failed"): void;
  transportFailed(): void;
}

/** Bits/s that suit 720p30 video of a face; low to high, as the server expects the rids. */
const CAMERA_ENCODINGS: RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
const CAMERA_SINGLE_BPS = 1_700_000;
const SCREEN_BPS = 2_500_000;
const MICROPHONE_BPS = 40_000;

export interface Description {
  offer: string;
  tracks: Record<string, Source>;
}

export class Peer {
  readonly connection: RTCPeerConnection;
  readonly #senders: Record<Source, RTCRtpTransceiver>;
  readonly #receivers: RTCRtpTransceiver[] = [];
  #closed = false;
  #lastOffer: Promise<unknown> = Promise.resolve();

  constructor(options: PeerOptions, handlers: PeerHandlers) {
    this.connection = new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: options.iceServers ?? [] });
    this.#senders = {
      microphone: this.#sender("audio", [{ maxBitrate: MICROPHONE_BPS }]),
      camera: this.#sender("video", options.simulcast ? CAMERA_ENCODINGS : [{ maxBitrate: CAMERA_SINGLE_BPS }]),
      screen: this.#sender("video", [{ maxBitrate: SCREEN_BPS }]),
    };
    for (let pair = 0; pair < options.slotPairs; pair += 1) {
      this.#receivers.push(this.connection.addTransceiver("audio", { direction: "recvonly" }));
      this.#receivers.push(this.connection.addTransceiver("video", { direction: "recvonly" }));
    }
    this.connection.addEventListener("iceconnectionstatechange", () => {
      const state = this.connection.iceConnectionState;
      if (this.#closed) return;
      if (state === "connected" || state === "completed") handlers.ice("connected");
      else if (state === "disconnected" || state === "failed") handlers.ice(state);
    });
    this.connection.addEventListener("connectionstatechange", () => {
      const { connectionState, iceConnectionState } = this.connection;
      // ICE alone is well: then it is DTLS that failed, which an ICE restart does not mend.
      if (!this.#closed && connectionState === "failed" && iceConnectionState !== "failed") handlers.transportFailed();
    });
  }

  #sender(kind: "audio" | "video", sendEncodings: RTCRtpEncodingParameters[]): RTCRtpTransceiver {
    return this.connection.addTransceiver(kind, { direction: "sendonly", sendEncodings });
  }

  /** Send this track as that source from now on; null sends nothing. Needs no new offer. */
  async setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    try {
      if (!this.#closed) await this.#senders[source].sender.replaceTrack(track);
    } catch (error) {
      // Closed meanwhile: the next peer connection gets the track.
      if (!this.#closed) throw error;
    }
  }

  /** Use these TURN servers from the next ICE restart on. */
  useServers(iceServers: RTCIceServer[]): void {
    if (!this.#closed) this.connection.setConfiguration({ bundlePolicy: "max-bundle", iceServers });
  }

  /** The receive sections. Their mids are known once an offer has been made. */
  received(): ReceiveTrack[] {
    return this.#receivers.flatMap((transceiver) =>
      transceiver.mid === null
        ? []
        : [
            {
              mid: transceiver.mid,
              kind: transceiver.receiver.track.kind === "audio" ? ("audio" as const) : ("video" as const),
              track: transceiver.receiver.track,
            },
          ],
    );
  }

  /**
   * Make an offer, hand it to `exchange`, use the answer it brings. Offers wait for each other.
   * When `exchange` fails, the offer is taken back, so that the next one starts from a stable state.
   */
  offer(exchange: (description: Description) => Promise<string>, options: RTCOfferOptions = {}): Promise<void> {
    const turn = this.#lastOffer.then(async () => {
      await this.connection.setLocalDescription(await this.connection.createOffer(options));
      let answer: string;
      try {
        answer = await exchange({ offer: this.connection.localDescription?.sdp ?? "", tracks: this.#trackMap() });
      } catch (error) {
        if (!this.#closed) await this.connection.setLocalDescription({ type: "rollback" }).catch(() => undefined);
        throw error;
      }
      if (!this.#closed) await this.connection.setRemoteDescription({ type: "answer", sdp: answer });
    });
    this.#lastOffer = turn.catch(() => undefined);
    return turn;
  }

  #trackMap(): Record<string, Source> {
    const tracks: Record<string, Source> = {};
    for (const [source, transceiver] of Object.entries(this.#senders) as [Source, RTCRtpTransceiver][]) {
      if (transceiver.mid !== null) tracks[transceiver.mid] = source;
    }
    return tracks;
  }

  close(): void {
    this.#closed = true;
    this.connection.close();
  }
}
