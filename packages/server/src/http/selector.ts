import { type Labels, parseLabelSelector } from "@alcove/contract";

/** Labels of a query that has been checked. */
export function selected(text: string | undefined): Labels | undefined {
  return text === undefined ? undefined : parseLabelSelector(text);
}

/** The same as a part of a filter. */
export function selector(text: string | undefined): { labels?: Labels } {
  const labels = selected(text);
  return labels === undefined ? {} : { labels };
}
