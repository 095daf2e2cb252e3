// Runs in a page before its own scripts. Keeps hold of every peer connection and WebSocket so that a test can
// read their state from outside, counts negotiations, and can lead the media through a relay of the test's.
(() => {
  const probe = { connections: [], sockets: [], descriptions: 0, relayPort: null, errors: [] };
  window.__probe = probe;
  window.addEventListener("error", (event) => probe.errors.push(String(event.message)));
  window.addEventListener("unhandledrejection", (event) => probe.errors.push(String(event.reason)));

  const Native = window.RTCPeerConnection;
  class Watched extends Native {
    constructor(...parameters) {
      super(...parameters);
      probe.connections.push(this);
    }
    setLocalDescription(...parameters) {
      probe.descriptions += 1;
      return super.setLocalDescription(...parameters);
    }
    setRemoteDescription(description) {
      probe.descriptions += 1;
      let { type, sdp } = description;
      if (probe.relayPort !== null) {
        sdp = sdp.replace(/^(a=candidate:\S+ \d \w+ \d+) \S+ \d+ typ host/gm, `$1 127.0.0.1 ${probe.relayPort} typ host`);
      }
      return super.setRemoteDescription({ type, sdp });
    }
  }
  window.RTCPeerConnection = Watched;

  const NativeSocket = window.WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(...parameters) {
      super(...parameters);
      probe.sockets.push(this);
    }
  };

  probe.connection = () => probe.connections.findLast((connection) => connection.connectionState !== "closed");

  // What arrives: one entry for each slot that has ever carried something, with the counters that grow.
  probe.inbound = async () => {
    const connection = probe.connection();
    if (!connection) return [];
    const stats = [...(await connection.getStats()).values()];
    return stats
      .filter((entry) => entry.type === "inbound-rtp")
      .map((entry) => ({
        mid: entry.mid,
        kind: entry.kind,
        packets: entry.packetsReceived,
        lost: entry.packetsLost,
        frames: entry.framesDecoded ?? 0,
        energy: entry.totalAudioEnergy ?? 0,
        freezes: entry.freezeCount ?? 0,
      }));
  };

  probe.state = () => {
    const connection = probe.connection();
    return {
      connection: connection?.connectionState ?? null,
      signalling: connection?.signalingState ?? null,
      connections: probe.connections.length,
      descriptions: probe.descriptions,
      sockets: probe.sockets.length,
      open: probe.sockets.filter((socket) => socket.readyState === 1).length,
    };
  };

  probe.localUfrag = () => /a=ice-ufrag:(\S+)/.exec(probe.connection()?.localDescription?.sdp ?? "")?.[1] ?? null;
  probe.loseSocket = () => probe.sockets.forEach((socket) => socket.close());
})();
