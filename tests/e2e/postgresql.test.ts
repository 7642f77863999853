/**
 * PostgreSQL in a sandbox, its data on a volume, reached by psql of this host through the listener of its port: while pgbench runs, the sandbox sleeps
 * and is woken by whoever asks, its daemon is killed, and it is deleted. pgbench's tables say whether a transaction was ever lost or done by halves.
 */
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import type { Sandbox as SandboxView } from "@alcove/contract";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import type { TestDaemon } from "../harness/daemon.js";
import { forwarded } from "../harness/port-forward.js";
import { endRecipeDaemon, startRecipeDaemon } from "../harness/recipe-daemon.js";

const run = promisify(execFile);
const minute = 60_000;
const hasPsql = spawnSync("psql", ["--version"]).error === undefined;

const directory = "/var/lib/postgresql";
const programs = "/usr/lib/postgresql/17/bin";
const password = "of-this-test";
/** How programs in the sandbox run; nothing makes Debian's own directory for sockets there. */
const asPostgresUser = { user: "postgres", cwd: directory, env: { PGHOST: "/tmp" } } as const;
const clients = 4;
const transactionsEach = 1_000;
const perSecond = 40;
const sleeps = 6;

describe.skipIf(!hasPsql)(`PostgreSQL on a volume${hasPsql ? "" : " (skipped: there is no psql)"}`, () => {
  let daemon: TestDaemon;
  let sandbox: Sandbox;
  let address: { readonly host: string; readonly port: number };

  beforeAll(async () => {
    const environment = { ALCOVE_TCP_PORTS_LISTEN: "127.0.0.1:24000-24099" };
    daemon = await startRecipeDaemon({ name: "postgresql", signal: AbortSignal.timeout(20 * minute), environment });
    await daemon.alcove.defaultGroup.volumes.create("database", { size: "1Gi" });
    await begin();
    await sandbox.files.write("/run/password", password, { mode: 0o644 });
    const options = "--auth-host=scram-sha-256 --pwfile=/run/password --data-checksums --encoding=UTF8";
    await asPostgres(`${programs}/initdb --pgdata=${directory}/data ${options}`);
    await serve();
    await asPostgres(`${programs}/createdb bench && ${programs}/pgbench --initialize --quiet --scale=2 bench`);
  }, 25 * minute);
  afterAll(() => endRecipeDaemon(daemon), 2 * minute);

  /** A sandbox that has the volume, and a listener for its port. */
  async function begin(): Promise<void> {
    sandbox = await Sandbox.create({
      ...{ image: "postgresql", memory: "1Gi", alcove: daemon.alcove },
      volumes: { database: directory },
    });
    const path = `/v1/groups/default/sandboxes/${sandbox.id}`;
    const body = { port: 5432, protocol: "Tcp", auth: { anonymous: true } };
    await daemon.alcove.request({ method: "POST", path: `${path}/ports/add`, body });
    const view = await daemon.alcove.request({ method: "GET", path });
    const { ports = [] } = JSON.parse(await text(view.body)) as SandboxView;
    address = ports[0]?.tcp ?? { host: "", port: 0 };
  }

  async function asPostgres(command: string): Promise<string> {
    const { stdout } = await sandbox.exec(command, { ...asPostgresUser, check: true });
    return stdout;
  }

  async function start(command: string): Promise<void> {
    await (await sandbox.spawn(command, { ...asPostgresUser, detached: true }))[Symbol.asyncDispose]();
  }

  async function serve(): Promise<void> {
    await start(`exec ${programs}/postgres -D ${directory}/data -k /tmp >> server.log 2>&1`);
    await reached("postgres").catch(async (error) => {
      throw new Error(`${error}\n${await asPostgres("tail server.log")}`);
    });
  }

  async function reached(database: string): Promise<void> {
    let fault: unknown;
    const answer = () =>
      psql("select 'here'", database).catch((error: unknown) => {
        fault = error;
        return undefined;
      });
    await waitFor(answer, AbortSignal.timeout(minute)).catch(() => {
      throw new Error(`The server does not answer: ${fault}`);
    });
  }

  /** From this host. */
  async function psql(sql: string, database = "bench", { host, port } = address): Promise<string> {
    const url = `postgresql://postgres:${password}@${host}:${port}/${database}`;
    const options = ["--no-psqlrc", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", `--command=${sql}`];
    const env = { ...process.env, PGCONNECT_TIMEOUT: "10" };
    const { stdout } = await run("psql", [...options, url], { env, maxBuffer: 16 * 1024 * 1024 });
    return stdout.trim();
  }

  /** Answers how many transactions there are: whatever it was, each of them is in all four tables or in none. */
  async function transactions(ask: (sql: string) => Promise<string> = psql): Promise<number> {
    const sums = ["accounts.abalance", "branches.bbalance", "tellers.tbalance", "history.delta"].map((name) => {
      const [table, column] = name.split(".");
      return `(select coalesce(sum(${column}), 0) from pgbench_${table})`;
    });
    const row = await ask(`select ${sums.join(", ")}, (select count(*) from pgbench_history)`);
    const [accounts, branches, tellers, history, count] = row.split("|");
    expect([branches, tellers, history]).toEqual([accounts, accounts, accounts]);
    return Number(count);
  }

  test("bytes of megabytes come whole through the listener", async () => {
    const lines = "(select at, md5(at::text) as line from generate_series(1, 100000) at) lines";
    const all = await psql(`select string_agg(line, '' order by at) from ${lines}`);
    expect(all).toHaveLength(3_200_000);
    const hash = createHash("md5").update(all).digest("hex");
    expect(await psql(`select md5(string_agg(line, '' order by at)) from ${lines}`)).toBe(hash);
  });

  test("port-forward reaches it as well", async () => {
    const { localPorts } = await forwarded(daemon, sandbox.id, [5432]);
    const local = { host: "127.0.0.1", port: localPorts[0] ?? 0 };
    expect(await psql("select length(repeat('x', 3000000))", "bench", local)).toBe("3000000");
    expect(await psql("select repeat('x', 3000000)", "bench", local)).toHaveLength(3_000_000);
  });

  test("it sleeps and is woken by psql while pgbench runs, and its daemon is killed: no transaction is lost or half done", {
    timeout: 20 * minute,
  }, async () => {
    const load = `--client=${clients} --transactions=${transactionsEach} --rate=${perSecond} --no-vacuum`;
    await start(`${programs}/pgbench ${load} bench > pgbench.log 2>&1; echo ended $? >> pgbench.log`);
    let seen = 0;
    for (let sleep = 1; sleep <= sleeps; sleep++) {
      await expect.poll(transactions, { timeout: 2 * minute, interval: 500 }).toBeGreaterThan(seen + 100);
      seen = await transactions();
      // The server hears of its end only when it has something to say: each has a statement of its own.
      const statement = `select pg_sleep(600 + ${sleep})`;
      const waiting = psql(statement).catch((error: Error) => error.message);
      const running = `select count(*) from pg_stat_activity where query = '${statement}'`;
      await expect.poll(() => psql(running), { timeout: minute }).toBe("1");
      await sandbox.stop();
      expect(await waiting).toMatch(/closed the connection unexpectedly|Connection reset/);
      expect((await sandbox.info()).state).toBe("Stopped");
      if (sleep === sleeps / 2) {
        await daemon.kill();
        await daemon.restart();
        // It answers before its gateway listens.
        await reached("bench");
      }
      expect(await transactions()).toBeGreaterThanOrEqual(seen);
      expect((await sandbox.info()).state).toBe("Running");
    }
    expect(seen).toBeLessThan(clients * transactionsEach);
    const log = () => asPostgres("cat pgbench.log");
    await expect.poll(log, { timeout: 10 * minute, interval: 1_000 }).toMatch(/^ended/m);
    expect(await log()).toMatch(/^ended 0$/m);
    expect(await log()).not.toMatch(/ERROR|FATAL|aborted/);
    expect(await transactions()).toBe(clients * transactionsEach);
    await expectSound();
    await serve();
  });

  test("its sandbox is deleted in the middle of it: another one goes on with the volume, as after a power cut", {
    timeout: 10 * minute,
  }, async () => {
    await start(`${programs}/pgbench --client=${clients} --time=3600 --no-vacuum bench`);
    const before = await transactions();
    await expect.poll(transactions, { timeout: 2 * minute }).toBeGreaterThan(before + 100);
    const seen = await transactions();
    await sandbox.delete();
    await begin();
    await serve();
    expect(await asPostgres("grep -c 'automatic recovery in progress' server.log")).toBe("1\n");
    expect(await transactions()).toBeGreaterThanOrEqual(seen);
    await expectSound();
    await serve();
  });

  test("a snapshot is taken and forks are made while pgbench runs: all of them go on with what there was, each by itself", {
    timeout: 10 * minute,
  }, async () => {
    const before = await transactions();
    await start(`${programs}/pgbench --client=${clients} --time=3600 --rate=${perSecond} --no-vacuum bench`);
    await expect.poll(transactions, { timeout: 2 * minute }).toBeGreaterThan(before + 20);
    const seen = await transactions();
    const { id: snapshot } = await sandbox.snapshot();
    const { sandboxes: forks } = await sandbox.fork(2);
    const copies = [...forks, await Sandbox.create({ alcove: daemon.alcove, snapshot })];
    for (const copy of copies) {
      const inside = async (sql: string) => {
        const words = ["--no-align", "--tuples-only", `--command=${sql}`, "bench"];
        return (await copy.exec([`${programs}/psql`, ...words], { ...asPostgresUser, check: true })).stdout.trim();
      };
      const then = await transactions(inside);
      expect(then).toBeGreaterThanOrEqual(seen);
      await expect.poll(() => transactions(inside), { timeout: 2 * minute }).toBeGreaterThan(then);
      await expectSound(copy);
      await copy.delete();
    }
    expect(await transactions()).toBeGreaterThanOrEqual(seen);
    await expectSound();
    await serve();
  });

  /** Every index and every row agree, and every page's checksum. It does not run afterwards. */
  async function expectSound(of = sandbox): Promise<void> {
    const check = `${programs}/pg_amcheck --all --install-missing --heapallindexed`;
    const stop = `${programs}/pg_ctl stop --pgdata=data --mode=fast`;
    const command = `${check} && ${stop} && ${programs}/pg_checksums --check --pgdata=data`;
    const { stdout, stderr, exitCode } = await of.exec(command, asPostgresUser);
    expect({ exitCode, stderr, stdout }).toMatchObject({ exitCode: 0 });
    expect(stdout).toMatch(/Bad checksums:\s+0/);
  }
});
