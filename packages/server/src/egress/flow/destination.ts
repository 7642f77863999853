/** Where a program's connection leads, as the agent says it. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}
