/** Which ports of a sandbox others may come to, and the key that links to them are signed with: of the sandbox alone, and gone with it or with one of its ports. */
import type { AddPort } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

/** With the port of the host on which one that speaks TCP is listened for: its own for as long as it is there. */
export type StoredPort = AddPort & { readonly hostPort?: number | undefined };

export interface SandboxPortsRecord {
  readonly sandboxId: string;
  readonly group: string;
  readonly ports: readonly StoredPort[];
  readonly linkKey: Uint8Array;
}

export type SandboxPortQueries = ReturnType<typeof sandboxPortQueries>;

export function sandboxPortQueries(database: Database.Database) {
  const find = one<Row>(database, "select * from sandbox_ports where sandbox_id = @sandboxId");
  const list = all<Row>(database, "select * from sandbox_ports");
  const taken = all<{ readonly host_port: number }>(
    database,
    `select json_extract(port.value, '$.hostPort') as host_port from sandbox_ports, json_each(sandbox_ports.ports) as port
     where host_port is not null`,
  );
  const put = write(
    database,
    `insert into sandbox_ports (sandbox_id, group_name, ports, link_key) values (@sandboxId, @group, @ports, @linkKey)
     on conflict (sandbox_id) do update set ports = excluded.ports, link_key = excluded.link_key`,
  );
  return {
    find(sandboxId: string): SandboxPortsRecord | undefined {
      const row = find({ sandboxId });
      return row && toRecord(row);
    },
    all: (): SandboxPortsRecord[] => list().map(toRecord),
    hostPorts: (): number[] => taken().map(({ host_port }) => host_port),
    put: ({ sandboxId, group, ports, linkKey }: SandboxPortsRecord): void =>
      void put({ sandboxId, group, ports: JSON.stringify(ports), linkKey }),
  };
}

interface Row {
  readonly sandbox_id: string;
  readonly group_name: string;
  readonly ports: string;
  readonly link_key: Buffer;
}

function toRecord(row: Row): SandboxPortsRecord {
  return { sandboxId: row.sandbox_id, group: row.group_name, ports: JSON.parse(row.ports), linkKey: row.link_key };
}
