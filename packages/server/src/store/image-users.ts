/** Which sandboxes and snapshots stand on an image. */
import type { ImageConfig } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

/** What a sandbox took of its image when it was created. */
export interface TakenImage {
  readonly isPublic: boolean;
  readonly key: string;
  readonly config: ImageConfig;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly entrypointExecId: string | undefined;
}

export type ImageUserQueries = ReturnType<typeof imageUserQueries>;

export function imageUserQueries(database: Database.Database) {
  const take = write(
    database,
    `update sandboxes set image_is_public = @isPublic, image_key = @key, image_config = @config,
       entrypoint = @entrypoint, cmd = @cmd, entrypoint_exec_id = @entrypointExecId where id = @id`,
  );
  const ofName = all<{ id: string }>(
    database,
    `select id from sandboxes where group_name = @group and image = @name and image_is_public = 0
     order by sequence limit @limit`,
  );
  const countOfName = one<{ count: number }>(
    database,
    "select count(*) as count from sandboxes where group_name = @group and image = @name and image_is_public = 0",
  );
  const byContent = one<{ found: number }>(
    database,
    `select 1 as found where exists (select 1 from sandboxes where image_key = @key)
       or exists (select 1 from snapshots where image_key = @key)`,
  );
  const snapshotsOfName = all<{ id: string }>(
    database,
    // What came with an archive stands on no image, whatever it names.
    `select id from snapshots where group_name = @group and image = @name and image_is_public = 0 and image_key <> ''
     order by sequence limit @limit`,
  );
  return {
    take: (id: string, taken: TakenImage): void =>
      void take({
        id,
        isPublic: taken.isPublic ? 1 : 0,
        key: taken.key,
        config: JSON.stringify(taken.config),
        entrypoint: JSON.stringify(taken.entrypoint),
        cmd: JSON.stringify(taken.cmd),
        entrypointExecId: taken.entrypointExecId ?? null,
      }),
    /** Of the group's own image with this name: the oldest few, and how many there are. */
    ofImage: (group: string, name: string, limit: number) => ({
      ids: ofName({ group, name, limit }).map(({ id }) => id),
      count: countOfName({ group, name })?.count ?? 0,
    }),
    /** The oldest snapshots of sandboxes that stand on it. */
    snapshotsOfImage: (group: string, name: string, limit: number): string[] =>
      snapshotsOfName({ group, name, limit }).map(({ id }) => id),
    hasContent: (key: string): boolean => byContent({ key }) !== undefined,
  };
}
