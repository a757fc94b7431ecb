/**
 * Reading a connection into one buffer, again and again. Node allocates 64 KiB for every read otherwise: an object of half a megabyte leaves
 * eight of them behind, and the collector's work for them is as much as that of receiving it.
 */
import { Socket } from "node:net";

/** Of one read at most. */
const bufferBytes: number = 128 << 10;

/** What Node's own servers hand a connection over with; its documentation names `onread` for such a socket, but not `handle`. */
interface HandedOver {
  _handle: object | null;
}

/**
 * The connection in a socket whose "data" events share one buffer: what one is handed is valid during the call, and while the socket is paused.
 * Without Node's `_handle`, the socket as it is.
 * @param accepted of a server with `pauseOnConnect`; not to be used any more
 */
export function withReadBuffer(accepted: Socket): Socket {
  const from = accepted as unknown as HandedOver;
  const handle = from._handle;
  if (!handle) return accepted;
  const onread = {
    buffer: new Uint8Array(bufferBytes),
    callback: (bytes: number, buffer: Uint8Array): boolean => {
      // Who pauses in between has stopped the reading already.
      socket.emit("data", buffer.subarray(0, bytes));
      return true;
    },
  };
  const options: object = { handle, onread };
  const socket = new Socket(options);
  from._handle = null;
  return socket;
}
