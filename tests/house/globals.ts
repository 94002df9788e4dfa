/**
 * Finds the uses of global names in a syntax tree: an identifier counts unless it is the name of a property or an
 * enclosing scope declares it. So `crypto` as a parameter is fine, and the global of that name is not.
 *
 * @module
 */

type Node = Deno.lint.Node | Deno.lint.TSParameterProperty;

/** Names through which time, chance, I/O or the environment would come in. */
export const IMPURE_GLOBALS: ReadonlySet<string> = new Set([
  "BroadcastChannel",
  "Buffer",
  "Date",
  "Deno",
  "EventSource",
  "Math.random",
  "SharedArrayBuffer",
  "Temporal",
  "WebSocket",
  "Worker",
  "XMLHttpRequest",
  "alert",
  "caches",
  "clearInterval",
  "clearTimeout",
  "confirm",
  "console",
  "crypto",
  "fetch",
  "global",
  "globalThis",
  "localStorage",
  "navigator",
  "performance",
  "process",
  "prompt",
  "queueMicrotask",
  "requestAnimationFrame",
  "self",
  "sessionStorage",
  "setImmediate",
  "setInterval",
  "setTimeout",
  "window",
]);

/** The impure global that this identifier uses, or `undefined`. */
export function impureGlobal(identifier: Deno.lint.Identifier): string | undefined {
  const { parent } = identifier;
  const isMathRandom = identifier.name === "Math" && parent.type === "MemberExpression" &&
    parent.object === identifier && memberName(parent) === "random";
  // Taken apart or passed on, Math would hide its random.
  const isBareMath = identifier.name === "Math" && parent.type !== "MemberExpression";
  const name = isMathRandom || isBareMath ? "Math.random" : identifier.name;
  if (!IMPURE_GLOBALS.has(name) || isOnlyAName(identifier) || isDeclared(identifier)) return undefined;
  return name;
}

function memberName(member: Deno.lint.MemberExpression): string | undefined {
  if (member.property.type === "Identifier") return member.computed ? "random" : member.property.name;
  return member.property.type === "Literal" ? String(member.property.value) : "random";
}

/** A property, key, label or exported name, not a reference to a variable. */
function isOnlyAName(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
      return parent.key === node && !parent.computed && !parent.shorthand;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key === node && !parent.computed;
    case "ExportSpecifier":
      return parent.exported === node && parent.local !== node;
    case "TSQualifiedName":
      return parent.right === node;
    case "ImportSpecifier":
    case "LabeledStatement":
    case "TSImportType":
    case "TSNamedTupleMember":
      return true;
    default:
      return FUNCTION_TYPES.has(parent.type);
  }
}

/** Where a parameter's name stands in a type and says nothing. */
const FUNCTION_TYPES: ReadonlySet<string> = new Set([
  "TSAbstractMethodDefinition",
  "TSCallSignatureDeclaration",
  "TSConstructorType",
  "TSConstructSignatureDeclaration",
  "TSEmptyBodyFunctionExpression",
  "TSFunctionType",
  "TSMethodSignature",
]);

function isDeclared(identifier: Deno.lint.Identifier): boolean {
  let scope: Node = identifier.parent;
  while (!declaredIn(scope).includes(identifier.name)) {
    if (scope.type === "Program" || !("parent" in scope)) return false;
    scope = scope.parent;
  }
  return true;
}

function declaredIn(scope: Node): readonly string[] {
  switch (scope.type) {
    case "Program":
    case "BlockStatement":
      return scope.body.flatMap(declaredBy);
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
    case "TSDeclareFunction":
      return scope.params.flatMap(bound);
    case "ForStatement":
      return scope.init === null ? [] : declaredBy(scope.init);
    case "ForOfStatement":
    case "ForInStatement":
      return declaredBy(scope.left);
    case "CatchClause":
      return scope.param === null ? [] : bound(scope.param);
    default:
      return [];
  }
}

function declaredBy(node: Node): readonly string[] {
  switch (node.type) {
    case "VariableDeclaration":
      return node.declarations.flatMap((declarator) => bound(declarator.id));
    case "FunctionDeclaration":
    case "ClassDeclaration":
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return node.id === null ? [] : [node.id.name];
    case "ImportDeclaration":
      return node.specifiers.map((specifier) => specifier.local.name);
    case "ExportNamedDeclaration":
      return node.declaration === null ? [] : declaredBy(node.declaration);
    default:
      return [];
  }
}

/** The names that a pattern binds. */
function bound(pattern: Node): readonly string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "AssignmentPattern":
      return bound(pattern.left);
    case "RestElement":
      return bound(pattern.argument);
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => element === null ? [] : bound(element));
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        bound(property.type === "Property" ? property.value : property)
      );
    case "TSParameterProperty":
      return bound(pattern.parameter);
    default:
      return [];
  }
}
