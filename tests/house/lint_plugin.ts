/**
 * Lint rules of the house: the import table, purity of the pure parts, and the language features that stay out.
 * `deno lint` loads it by deno.json; the default export is what its plugin interface asks for.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { impureGlobal } from "./globals.ts";
import { importProblem, isPure, roomOf } from "./imports.ts";

const root = fileURLToPath(new URL("../../", import.meta.url)).replaceAll("\\", "/");

/** The file's path from the project's root, with forward slashes. */
function pathOf({ filename }: Deno.lint.RuleContext): string {
  const path = (filename.startsWith("file:") ? fileURLToPath(filename) : filename).replaceAll("\\", "/");
  return path.startsWith(root) ? path.slice(root.length) : path;
}

function asText(node: Deno.lint.Node | null): string | undefined {
  if (node?.type === "TSLiteralType") return asText(node.literal);
  return node?.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

const imports: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context);
    if (roomOf(path) === undefined) return {};
    const judge = (node: Deno.lint.Node, source: Deno.lint.Node | null) => {
      const specifier = asText(source);
      const message = specifier === undefined
        ? "an import's specifier is a plain string"
        : importProblem(path, specifier);
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => judge(node, node.source),
      ImportExpression: (node) => judge(node, node.source),
      ExportAllDeclaration: (node) => judge(node, node.source),
      ExportNamedDeclaration: (node) => {
        if (node.source !== null) judge(node, node.source);
      },
      TSImportType: (node) => judge(node, node.argument),
    };
  },
};

const pure: Deno.lint.Rule = {
  create(context) {
    if (!isPure(pathOf(context))) return {};
    const judgeFunction = (node: Deno.lint.Node & { async: boolean }) => {
      if (node.async) context.report({ node, message: "the pure parts are synchronous" });
    };
    return {
      Identifier: (node) => {
        const name = impureGlobal(node);
        if (name !== undefined) {
          context.report({ node, message: `${name} in a pure part`, hint: "It comes in as an argument" });
        }
      },
      MetaProperty: (node) => {
        if (node.meta.name === "import") context.report({ node, message: "import.meta in a pure part" });
      },
      AwaitExpression: (node) => context.report({ node, message: "the pure parts are synchronous" }),
      FunctionDeclaration: judgeFunction,
      FunctionExpression: judgeFunction,
      ArrowFunctionExpression: judgeFunction,
    };
  },
};

const noDefaultExport: Deno.lint.Rule = {
  create(context) {
    const message = "exports have names";
    return {
      ExportDefaultDeclaration: (node) => context.report({ node, message }),
      ExportSpecifier: (node) => {
        const { exported } = node;
        const name = exported.type === "Identifier" ? exported.name : asText(exported);
        if (name === "default") context.report({ node, message });
      },
    };
  },
};

const noEnum: Deno.lint.Rule = {
  create: (context) => ({
    TSEnumDeclaration: (node) =>
      context.report({ node, message: "no enums", hint: "Use a union of literals" }),
  }),
};

const noAny: Deno.lint.Rule = {
  create: (context) => ({
    TSAnyKeyword: (node) => context.report({ node, message: "no any", hint: "Use unknown and narrow it" }),
  }),
};

/** The rules, by the names that `deno lint` prints. */
export const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    imports,
    pure,
    "no-default-export": noDefaultExport,
    "no-enum": noEnum,
    "no-any": noAny,
  },
};

// deno-lint-ignore house/no-default-export
export default plugin;
