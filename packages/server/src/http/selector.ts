import { type Labels, parseLabelSelector } from "@alcove/contract";

/** Labels of a query that has been checked, as a part of a filter. */
export function selector(text: string | undefined): { labels?: Labels } {
  const labels = text === undefined ? undefined : parseLabelSelector(text);
  return labels === undefined ? {} : { labels };
}
