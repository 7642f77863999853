import { AlcoveError } from "@alcove/contract";
import { expect, test, vi } from "vitest";
import type { ControlContext } from "../context.js";
import type { Deed } from "./access-control.js";
import { startAudit } from "./audit.js";

const deed: Deed = {
  ...{
    principal: "key:1",
    name: "ci",
    endpoint: "createSandbox",
    target: {},
    status: 201,
    requestId: "r",
    peer: "::1",
  },
  group: undefined,
};

test("a disk that is full fails no call: what cannot be written is told in the daemon's log", () => {
  const error = vi.fn();
  const store = {
    unsyncedTransaction: () => {
      throw new AlcoveError("DiskFull");
    },
  };
  const { control, close } = startAudit({ store, logger: { error } } as unknown as ControlContext, 10);
  control.record(deed);
  control.refuse({ ...deed, status: 403 });
  control.refuse({ ...deed, principal: "unknown", status: 401 });
  close();
  expect(error).toHaveBeenCalledTimes(3);
  expect(error.mock.calls[0]?.[0]).toMatchObject({ endpoint: "createSandbox", principal: "key:1" });
});

test("a store that is closed fails no call either: a socket may end after it", () => {
  const error = vi.fn();
  const find = () => {
    throw new TypeError("The database connection is not open");
  };
  const context = { store: { groups: { find } }, logger: { error } } as unknown as ControlContext;
  startAudit(context, 10).control.record({ ...deed, group: "default" });
  expect(error).toHaveBeenCalledOnce();
});

test("however many callers are refused, a bounded number of them is counted apart", () => {
  const written: number[] = [];
  const store = {
    unsyncedTransaction: (work: () => void) => work(),
    audit: { append: ({ body }: { body: string }) => written.push(JSON.parse(body).count ?? 0) },
  };
  const { control, close } = startAudit({ store } as unknown as ControlContext, 10);
  for (let count = 0; count < 5_000; count++) control.refuse({ ...deed, principal: `oidc:${count}`, status: 403 });
  close();
  expect(written.length).toBeLessThan(1_100);
  expect(written.reduce((sum, count) => sum + Math.max(1, count), 0)).toBe(5_000);
});
