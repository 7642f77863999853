import type { HeaderList } from "./header-list.js";

export interface AnswerHead {
  readonly status: number;
  /** HTTP/1's words beside the status; may be empty. */
  readonly reason: string;
  readonly headers: HeaderList;
  /** Nothing that comes behind it on the connection is to be read, where requests come one behind the other. */
  readonly isLast?: boolean;
}
