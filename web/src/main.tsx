import "./ui/tokens.css";
import "./ui/base.css";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { router } from "./router";
import { applyTheme } from "./ui";

applyTheme();

const host = document.getElementById("app");
if (!host) throw new Error("index.html has no #app");
createRoot(host).render(
  <StrictMode>
    <RouterProvider router={router} />
  </StrictMode>,
);
