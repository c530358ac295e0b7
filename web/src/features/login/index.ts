import "./login.css";

export { LoginForm } from "./LoginForm";
