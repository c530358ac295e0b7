import { readdirSync } from "node:fs";
import js from "@eslint/js";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const features = readdirSync(new URL("./src/features", import.meta.url));

/** The rooms and their arrows: pages → features → chart → ui, api → url. Never back, never feature to feature. */
const arrows = [
  { target: "./src/url", from: ["./src/pages", "./src/features", "./src/chart", "./src/ui", "./src/api"], message: "url knows no other room" },
  { target: "./src/api", from: ["./src/pages", "./src/features", "./src/chart", "./src/ui"], message: "api draws nothing" },
  { target: "./src/ui", from: ["./src/pages", "./src/features", "./src/chart", "./src/api"], message: "ui never fetches and knows no feature" },
  { target: "./src/chart", from: ["./src/pages", "./src/features", "./src/api"], message: "chart takes numbers and gives events" },
  { target: "./src/features", from: ["./src/pages"], message: "a feature knows no page" },
  ...features.map((name) => ({
    target: `./src/features/${name}`,
    from: "./src/features",
    except: [`./${name}`],
    message: "features do not know each other; the page introduces them",
  })),
];

export default tseslint.config(
  { ignores: ["dist", "node_modules"] },
  js.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importX, "react-hooks": reactHooks },
    settings: { "import-x/resolver-next": [createNodeResolver({ extensions: [".ts", ".tsx", ".js", ".css"] })] },
    rules: {
      ...reactHooks.configs.recommended.rules,
      "import-x/no-restricted-paths": ["error", { basePath: import.meta.dirname, zones: arrows }],
      "import-x/no-default-export": "error",
      "import-x/no-cycle": "error",
      "max-lines": ["error", { max: 250, skipBlankLines: true, skipComments: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "type"],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // `throw redirect()` is how the router spells a redirect.
      "@typescript-eslint/only-throw-error": ["error", { allow: [{ from: "package", package: "@tanstack/router-core", name: "Redirect" }] }],
    },
  },
  { files: ["src/**/*.test.{ts,tsx}"], rules: { "@typescript-eslint/no-non-null-assertion": "off", "max-lines": "off" } },
  { files: ["dev/**/*.mjs", "*.config.*"], languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly", Buffer: "readonly", setTimeout: "readonly" } }, rules: {} },
  { files: ["vite.config.ts"], languageOptions: { parser: tseslint.parser } },
);
