/** What can be done with groups, and what they have used. */
import type {
  CreateGroup,
  Group,
  GroupUsage,
  Labels,
  Quota,
  SnapshotRetention,
  UpdateGroup,
  UsageRecords,
  UsageStep,
} from "@alcove/contract";

export interface GroupControl {
  create(body: CreateGroup): Promise<Group>;
  /** By name; only those of `names` where it is given. */
  list(filter: {
    readonly names?: readonly string[] | undefined;
    readonly tags?: Labels | undefined;
    readonly after?: string;
    readonly page?: number;
    readonly pageSize?: number;
  }): Promise<readonly Group[]>;
  get(name: string): Promise<Group>;
  update(name: string, body: UpdateGroup): Promise<Group>;
  setQuota(name: string, quota: Quota): Promise<Group>;
  setSnapshotRetention(name: string, retention: SnapshotRetention): Promise<Group>;
  delete(name: string, options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
}

export interface UsageControl {
  get(group: string): Promise<GroupUsage>;
  /** By the hour, by day or as one record; for each value of the label where one is named. */
  records(
    group: string,
    range: {
      readonly from?: string;
      readonly to?: string;
      readonly label?: string;
      readonly per?: UsageStep;
    },
  ): Promise<UsageRecords>;
}
