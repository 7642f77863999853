/** What a machine whose root has taken the agent's place may say on its channel, without end. */
import { frame } from "../../../packages/server/src/guest/http2-frame-test-kit.js";

export interface Flood {
  readonly line: "agent" | "host";
  /** Said first, right after the hello. */
  readonly opening: Buffer;
  /** On the agent's line: begins when the daemon has asked for something, on that very stream. */
  readonly isAnswer: boolean;
  /** Made for stream 1, 3, 5… where streams are what it floods with. */
  readonly unit: (streamId: number) => Buffer;
  /** Streams are numbered, each once. */
  readonly isNumbered: boolean;
}

const settings = frame(4, 0, 0);
const clientPreface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings]);
const literal = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const status = (code: string) => Buffer.concat([Buffer.from([0x08]), literal(code)]);
const connectionHead = Buffer.concat([
  ...[Buffer.from([0x83, 0x86, 0x04]), literal("/connections"), Buffer.from([0x01]), literal("gateway")],
  ...[Buffer.from([0x00]), literal("x-alcove-destination"), literal("192.0.2.1:443")],
]);
/** A field of 4 KB is put into the table, then named 10,000 times. */
const bomb = Buffer.concat([
  ...[Buffer.from([0x88, 0x40, 0x01]), Buffer.from("x"), Buffer.from([0x7f, 0x81, 0x1e]), Buffer.alloc(3_968, "v")],
  Buffer.alloc(10_000, 0xbe),
]);

const ping = () => frame(6, 0, 0, Buffer.alloc(8));
const setting = () => frame(4, 0, 0, Buffer.from([0, 3, 0, 0, 0, 9]));
const windowUpdate = () => frame(8, 0, 0, Buffer.from([0, 0, 0, 1]));
const unknown = () => frame(99, 0, 0, Buffer.alloc(16_000));
const dataOf = (bytes: number) => (streamId: number) => frame(0, 0, streamId, Buffer.alloc(bytes));
const answer = { line: "agent", opening: settings, isAnswer: true, isNumbered: false } as const;
const unasked = { line: "agent", opening: settings, isAnswer: false, isNumbered: false } as const;
const calls = { line: "host", opening: clientPreface, isAnswer: false, isNumbered: false } as const;

export const floods = {
  "agent: pings": { ...unasked, unit: ping },
  "agent: settings": { ...unasked, unit: setting },
  "agent: window updates": { ...unasked, unit: windowUpdate },
  "agent: frames of no known kind": { ...unasked, unit: unknown },
  "agent: data that nobody asked for": { ...unasked, unit: dataOf(16_000) },
  "agent: data past its window": { ...answer, unit: dataOf(16_000) },
  "agent: empty data": { ...answer, unit: dataOf(0) },
  "agent: heads before the head": { ...answer, unit: (id: number) => frame(1, 4, id, status("103")) },
  "agent: a head without end": {
    ...answer,
    unit: (id: number) => frame(9, 0, id, Buffer.alloc(16_000, 0x40)),
  },
  "agent: a head that grows when it is unpacked": { ...answer, unit: (id: number) => frame(1, 4, id, bomb) },
  "agent: resets": { ...answer, unit: (id: number) => frame(3, 0, id, Buffer.from([0, 0, 0, 8])) },
  "host: resets of streams at once": {
    ...{ ...calls, isNumbered: true },
    unit: (id: number) => Buffer.concat([frame(1, 4, id, connectionHead), frame(3, 0, id, Buffer.from([0, 0, 0, 8]))]),
  },
  "host: streams": { ...calls, isNumbered: true, unit: (id: number) => frame(1, 4, id, connectionHead) },
  "host: a head without end": { ...calls, unit: () => frame(9, 0, 1, Buffer.alloc(16_000, 0x40)) },
  "host: pings": { ...calls, unit: ping },
  "host: settings": { ...calls, unit: setting },
  "host: window updates": { ...calls, unit: windowUpdate },
  "host: data that belongs to nothing": { ...calls, unit: dataOf(16_000) },
} satisfies Record<string, Flood>;

export type FloodName = keyof typeof floods;
