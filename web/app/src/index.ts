/** The front page: only tells where meetings are found. */
import "@alltid-oppet/meeting/styles.css";
import "./app.css";
