/** Which fields there are at a place of a manifest, by its schema for editors. */
interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

export function knownFields(root: Schema, path: readonly PropertyKey[]): string[] {
  const places = path.reduce<readonly Schema[]>(
    (schemas, step) => schemas.flatMap((schema) => below(root, schema, step)),
    alternatives(root, root),
  );
  return [...new Set(places.flatMap(({ properties = {} }) => Object.keys(properties)))];
}

function below(root: Schema, { properties, additionalProperties, items }: Schema, step: PropertyKey): Schema[] {
  const found = typeof step === "number" ? items : (properties?.[String(step)] ?? additionalProperties);
  return typeof found === "object" ? alternatives(root, found) : [];
}

function alternatives(root: Schema, schema: Schema): Schema[] {
  const meant = schema.$ref === undefined ? schema : referred(root, schema.$ref);
  const { anyOf = [], oneOf = [], allOf = [] } = meant;
  return [meant, ...[...anyOf, ...oneOf, ...allOf].flatMap((each) => alternatives(root, each))];
}

function referred({ $defs = {} }: Schema, reference: string): Schema {
  return $defs[reference.replace("#/$defs/", "")] ?? {};
}
