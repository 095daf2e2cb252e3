import { CasesPage } from "./cases/CasesPage";
import { mountPage } from "./mount";

mountPage("title_cases", <CasesPage />);
