import java.io.InputStream;
import java.net.URI;
import javax.net.ssl.HttpsURLConnection;

/** Usage: Fetch URL…: a line for each, its status and the first line of its answer. */
public class Fetch {
  public static void main(String[] urls) {
    for (String url : urls) {
      try {
        HttpsURLConnection connection = (HttpsURLConnection) URI.create(url).toURL().openConnection();
        connection.setReadTimeout(60_000);
        int status = connection.getResponseCode();
        InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        System.out.println(status + " " + new String(body.readAllBytes()).split("\n")[0]);
      } catch (Exception error) {
        System.out.println("failed");
        System.err.println(error);
      }
    }
  }
}
