import { mountPage } from "./mount";
import { NoticesPage } from "./notices/NoticesPage";

mountPage("title_notices", <NoticesPage />);
