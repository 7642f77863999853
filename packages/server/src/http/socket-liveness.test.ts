import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { watchLiveness } from "./socket-liveness.js";

/** Both ends of one WebSocket. */
async function pair(options: { readonly autoPong: boolean }) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  onTestFinished(() => client.terminate());
  const [[near]] = (await Promise.all([once(server, "connection"), once(client, "open")])) as [[WebSocket], unknown];
  return { near, client };
}

test("a peer that says nothing any more is cut off", async () => {
  const { near } = await pair({ autoPong: false });
  watchLiveness(near, 20);
  const [code] = await once(near, "close");
  expect(code).toBe(1006);
});

test("one that answers, or that speaks without answering, stays", async () => {
  const answering = await pair({ autoPong: true });
  const speaking = await pair({ autoPong: false });
  for (const { near } of [answering, speaking]) watchLiveness(near, 300);
  speaking.client.on("ping", () => speaking.client.send("here"));
  await Promise.all([answering, speaking].map(({ client }) => askedTimes(client, 4)));
  expect([answering.near.readyState, speaking.near.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
});

async function askedTimes(client: WebSocket, times: number): Promise<void> {
  for (let asked = 0; asked < times; asked++) await once(client, "ping");
}

test("one that we do not read at the moment is left alone", async () => {
  const { near } = await pair({ autoPong: false });
  near.pause();
  watchLiveness(near, 20);
  await sleep(150);
  expect(near.readyState).toBe(WebSocket.OPEN);
});
