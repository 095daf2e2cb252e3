import { mountPage } from "./mount";
import { PortalPage } from "./portal/PortalPage";

mountPage("title_portal", <PortalPage />);
