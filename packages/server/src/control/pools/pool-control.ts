/** What can be done with warm pools. */
import type { Pool, PutPool } from "@alcove/contract";

export interface PoolControl {
  list(group: string): Promise<readonly Pool[]>;
  get(group: string, name: string): Promise<Pool>;
  /** Answers at once; it is filled in the background. */
  put(group: string, name: string, body: PutPool): Promise<Pool>;
  /** Answers when nothing of it is left. */
  delete(group: string, name: string): Promise<void>;
}
