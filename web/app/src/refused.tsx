import { mountPage } from "./mount";
import { RefusedPage } from "./refused/RefusedPage";

mountPage("title_refused", <RefusedPage />);
