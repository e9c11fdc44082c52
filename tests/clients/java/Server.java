/** Apache Kafka's broker on a properties file; with a cluster id its directories are formatted first. */
public final class Server {
    public static void main(String[] arguments) {
        if (arguments.length > 1) {
            String[] format = {"format", "--ignore-formatted", "-t", arguments[1], "-c", arguments[0]};
            int status = kafka.tools.StorageTool.execute(format, System.out);
            if (status != 0) System.exit(status);
        }
        kafka.Kafka.main(new String[] {arguments[0]});
    }
}
