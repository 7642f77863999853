/** The daemon's side alone: which process its answers are for, and what one is told first. */
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { withResolvers } from "../../lib/with-resolvers.js";
import type { FromIngress, ToIngress } from "../messages.js";
import { createIngress } from "./create-ingress.js";

/** A gateway whose process is played by the test. */
function played() {
  const said: { message: ToIngress; socket: Socket | undefined }[] = [];
  const lines = withResolvers<Socket>();
  const decisions = withResolvers<boolean>();
  let hear: (message: FromIngress) => void = () => {};
  let end: (how: string) => void = () => {};
  let starts = 0;
  const ingress = createIngress({
    startWorker: () => {
      starts++;
      const ended = withResolvers<string>();
      end = ended.resolve;
      return {
        send: (message, socket) => void said.push({ message: message as ToIngress, socket }),
        onMessage: (listener) => {
          hear = listener;
        },
        ended: ended.promise,
        end: async () => ended.resolve("it was told to"),
      };
    },
    listen: { host: "127.0.0.1", port: 0, mayMove: false, domain: "localhost", trustedProxies: [] },
    logger: { error: () => {}, warn: () => {}, info: () => {} },
  });
  ingress.serve({
    reach: () => lines.promise,
    mayCome: () => decisions.promise,
    begin: () => () => {},
  });
  ingress.apply("a", { ports: [], linkKey: "" });
  return {
    ingress,
    lines,
    decisions,
    say: (message: FromIngress) => hear(message),
    end: () => end("it fell"),
    starts: () => starts,
    kinds: () => said.map(({ message }) => message.kind).filter((kind) => kind === "listen" || kind === "apply"),
    answers: () => said.filter(({ message }) => message.kind === "reached" || message.kind === "decided"),
  };
}

test("what a process asked for, its successor does not get, whose requests have the same numbers", async () => {
  const { ingress, say, end, starts, answers, lines, decisions } = played();
  say({ kind: "ready" });
  say({ kind: "reach", request: 1, sandboxId: "a", port: 3000 });
  say({ kind: "mayCome", request: 1, sandboxId: "a", key: "k" });
  end();
  await expect.poll(starts).toBe(2);
  say({ kind: "ready" });
  const line = new Socket();
  lines.resolve(line);
  decisions.resolve(true);
  await expect.poll(() => line.destroyed).toBe(true);
  expect(answers()).toEqual([]);
  say({ kind: "mayCome", request: 1, sandboxId: "a", key: "k" });
  await expect.poll(answers).toHaveLength(1);
  await ingress.close();
});

test("nor is it told of what failed meanwhile", async () => {
  const { ingress, say, end, starts, answers, lines } = played();
  say({ kind: "ready" });
  say({ kind: "reach", request: 1, sandboxId: "a", port: 3000 });
  end();
  await expect.poll(starts).toBe(2);
  say({ kind: "ready" });
  lines.reject(new Error("it fell"));
  say({ kind: "reach", request: 7, sandboxId: "a", port: 3000 });
  await expect.poll(answers).not.toEqual([]);
  expect(answers().map(({ message }) => message)).toMatchObject([{ request: 7 }]);
  await ingress.close();
});

test("where previews are comes before sandboxes' listeners, for every process: none of them has its port", async () => {
  const { ingress, say, end, starts, kinds } = played();
  say({ kind: "ready" });
  expect(kinds()).toEqual(["listen", "apply"]);
  end();
  await expect.poll(starts).toBe(2);
  say({ kind: "ready" });
  expect(kinds()).toEqual(["listen", "apply", "listen", "apply"]);
  await ingress.close();
});
