export * from "./param";
export * from "./params";
export * from "./range";
export * from "./refresh";
export * from "./search";
export * from "./step";
export * from "./zone";
export * from "./zoom";
