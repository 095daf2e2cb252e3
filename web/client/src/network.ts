/** Calls back when this machine's way to the network changed: back online, or from Wi-Fi to mobile. */
export function onNetworkChange(listener: () => void): () => void {
  const connection = (navigator as Navigator & { connection?: EventTarget & { type?: string } }).connection;
  let type = connection?.type;
  const typeChanged = (): void => {
    // `change` also tells of every new speed estimate; only another kind of network matters.
    if (connection?.type === type) return;
    type = connection?.type;
    listener();
  };
  addEventListener("online", listener);
  connection?.addEventListener("change", typeChanged);
  return () => {
    removeEventListener("online", listener);
    connection?.removeEventListener("change", typeChanged);
  };
}
