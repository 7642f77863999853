import { expect, test } from "vitest";
import { routeLines, routesOf, withCredentials } from "./routes.js";
import { requireThere } from "./upstream.js";

test("the secret of a route is shown with its key", () => {
  const routes = withCredentials(routesOf("corp=http://proxy.test:3128"), { corp: "login/ann" });
  expect(routeLines(routes, undefined)).toEqual([
    "corp leaves by the proxy http://proxy.test:3128, with the secret login/ann",
  ]);
});

test("what is to be taken away has to be there, and the default is no route that is gone", () => {
  const present = {
    resolverOverrides: { "db.test": "10.0.0.1" },
    routes: routesOf("corp=direct"),
    defaultRoute: "corp",
  };
  const taking =
    (...unset: string[]) =>
    () =>
      requireThere(present, unset);
  expect(taking("resolve:bd.test")).toThrow("No name bd.test is led elsewhere.");
  expect(taking("route:crop")).toThrow("There is no route crop.");
  expect(taking("route:corp")).toThrow("The route corp is the default one.");
  expect(taking("route:corp", "default-route", "resolve:db.test", "trust")).not.toThrow();
});

test("a secret of a route that is named with more than a key is refused", () => {
  const corp = routesOf("corp=http://proxy.test:3128");
  for (const named of ["login/ann/more", "login/", "/ann", ""])
    expect(() => withCredentials(corp, { corp: named }), named).toThrow("SECRET or SECRET/KEY");
});
