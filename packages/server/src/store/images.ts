/** Images on record: whose name it is, what it came from, and the content that it stands for. */
import type { ImageConfig, ImageSource, ImageState, Labels } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, type Parameters, write } from "./statement.js";

/** The group of the catalogue's images. */
export const publicGroup = "";

export interface ImageRecord {
  readonly group: string;
  readonly name: string;
  readonly state: Exclude<ImageState, "Missing">;
  readonly message: string;
  readonly hint: string | undefined;
  readonly source: ImageSource;
  readonly config: ImageConfig;
  readonly labels: Labels;
  /** Of the catalogue's entry that it was built by; empty for a group's own. */
  readonly fingerprint: string;
  /** Of the content; empty while there is none. */
  readonly contentKey: string;
  readonly digest: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly builtAt: number | undefined;
}

export type ImageQueries = ReturnType<typeof imageQueries>;

export function imageQueries(database: Database.Database) {
  const find = one<Row>(database, "select * from images where group_name = @group and name = @name");
  const everything = all<Row>(database, "select * from images order by sequence");
  const ofGroup = all<Row>(database, "select * from images where group_name = @group order by sequence desc");
  const remove = write(database, "delete from images where group_name = @group and name = @name");
  const byContent = one<{ found: number }>(database, "select 1 as found from images where content_key = @key limit 1");
  const insert = write(
    database,
    `insert into images (group_name, name, state, message, hint, source, config, labels, fingerprint, content_key,
       digest, size_bytes, created_at, built_at)
     values (@group_name, @name, @state, @message, @hint, @source, @config, @labels, @fingerprint, @content_key,
       @digest, @size_bytes, @created_at, @built_at)
     on conflict (group_name, name) do update set state = @state, message = @message, hint = @hint, source = @source,
       config = @config, labels = @labels, fingerprint = @fingerprint, content_key = @content_key, digest = @digest,
       size_bytes = @size_bytes, built_at = @built_at`,
  );
  return {
    find(group: string, name: string): ImageRecord | undefined {
      const row = find({ group, name });
      return row && toRecord(row);
    },
    /** A name that is there keeps its place in the list. */
    put: (record: ImageRecord): void => void insert(toRow(record)),
    remove: (group: string, name: string): void => void remove({ group, name }),
    all: (): ImageRecord[] => everything().map(toRecord),
    /** Newest first. */
    list: (group: string): ImageRecord[] => ofGroup({ group }).map(toRecord),
    hasContent: (key: string): boolean => byContent({ key }) !== undefined,
  };
}

interface Row {
  readonly group_name: string;
  readonly name: string;
  readonly state: ImageRecord["state"];
  readonly message: string;
  readonly hint: string | null;
  readonly source: string;
  readonly config: string;
  readonly labels: string;
  readonly fingerprint: string;
  readonly content_key: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly created_at: number;
  readonly built_at: number | null;
}

function toRow(record: ImageRecord): Parameters & Row {
  return {
    group_name: record.group,
    name: record.name,
    state: record.state,
    message: record.message,
    hint: record.hint ?? null,
    source: JSON.stringify(record.source),
    config: JSON.stringify(record.config),
    labels: JSON.stringify(record.labels),
    fingerprint: record.fingerprint,
    content_key: record.contentKey,
    digest: record.digest,
    size_bytes: record.sizeBytes,
    created_at: record.createdAt,
    built_at: record.builtAt ?? null,
  };
}

function toRecord(row: Row): ImageRecord {
  return {
    group: row.group_name,
    name: row.name,
    state: row.state,
    message: row.message,
    hint: row.hint ?? undefined,
    source: JSON.parse(row.source),
    config: JSON.parse(row.config),
    labels: JSON.parse(row.labels),
    fingerprint: row.fingerprint,
    contentKey: row.content_key,
    digest: row.digest,
    sizeBytes: row.size_bytes,
    createdAt: row.created_at,
    builtAt: row.built_at ?? undefined,
  };
}
