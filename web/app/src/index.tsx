import { HomePage } from "./home/HomePage";
import { mountPage } from "./mount";

mountPage("title_home", <HomePage />);
