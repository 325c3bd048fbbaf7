/// Which options of a command take a secret, and in what form.
struct CommandOption: Sendable {
    enum Form: Sendable { case whole, afterColon, afterComma, afterPercent, afterPass }

    let command: StaticString
    let options: [(flag: StaticString, form: Form, isGlued: Bool)]
    var takesPositional = false
    var lastPositional = false
    /// What stands in quotes at the line's end is the secret, though it be a word.
    var namesQuoted = false
    /// A word `user/password@database` among its arguments.
    var slashPositional = false
    /// An account and its password, one after the other.
    var pairPositional = false
    /// `-u` or `-User` names the account, and goes with the password.
    var namesAccount = false

    static let all: [CommandOption] = [
        CommandOption(
            command: "curl",
            options: [
                ("-u", .afterColon, false), ("--user", .afterColon, false), ("-U", .afterColon, false),
                ("--proxy-user", .afterColon, false), ("--pass", .whole, false), ("-u", .afterColon, true),
                ("--cert", .afterColon, false), ("-E", .afterColon, false),
            ]),
        CommandOption(command: "wget", options: [("--http-user", .afterColon, false)]),
        CommandOption(command: "http", options: [("-a", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(command: "https", options: [("-a", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(command: "xh", options: [("-a", .afterColon, false)]),
        CommandOption(command: "mysql", options: [("-p", .whole, true)]),
        CommandOption(command: "mysqldump", options: [("-p", .whole, true)]),
        CommandOption(command: "mysqladmin", options: [("-p", .whole, true)]),
        CommandOption(command: "mariadb", options: [("-p", .whole, true)]),
        CommandOption(command: "mariadb-dump", options: [("-p", .whole, true)]),
        CommandOption(command: "mongo", options: [("-p", .whole, false)]),
        CommandOption(command: "mongosh", options: [("-p", .whole, false)]),
        CommandOption(command: "mongodump", options: [("-p", .whole, false)]),
        CommandOption(command: "sshpass", options: [("-p", .whole, false), ("-p", .whole, true)]),
        CommandOption(command: "login", options: [("-p", .whole, false), ("-u", .afterColon, false)]),
        CommandOption(
            command: "redis-cli",
            options: [("-a", .whole, false), ("--pass", .whole, false), ("-u", .afterColon, false)]),
        CommandOption(
            command: "openssl",
            options: [
                ("-passin", .afterPass, false), ("-passout", .afterPass, false), ("-pass", .afterPass, false),
                ("-k", .whole, false), ("-passwd", .whole, false), ("-srppass", .whole, false),
            ]),
        CommandOption(
            command: "htpasswd", options: [], takesPositional: true, lastPositional: true, namesQuoted: true),
        CommandOption(command: "ldapsearch", options: [("-w", .whole, false)]),
        CommandOption(command: "ldapmodify", options: [("-w", .whole, false)]),
        CommandOption(command: "ldapadd", options: [("-w", .whole, false)]),
        CommandOption(command: "ldapwhoami", options: [("-w", .whole, false)]),
        CommandOption(command: "smbclient", options: [("-U", .afterPercent, false), ("--user", .afterPercent, false)]),
        CommandOption(command: "rpcclient", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "net", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "az", options: [("-p", .whole, false)]),
        CommandOption(command: "zip", options: [("-P", .whole, false)]),
        CommandOption(command: "unzip", options: [("-P", .whole, false)]),
        CommandOption(command: "7z", options: [("-p", .whole, true)]),
        CommandOption(command: "7za", options: [("-p", .whole, true)]),
        CommandOption(command: "unrar", options: [("-p", .whole, true)]),
        CommandOption(command: "rar", options: [("-p", .whole, true), ("-hp", .whole, true)]),
        CommandOption(command: "psexec", options: [("-p", .whole, false)], namesAccount: true),
        CommandOption(command: "psexec.exe", options: [("-p", .whole, false)], namesAccount: true),
        CommandOption(
            command: "connect-viserver", options: [("-Password", .whole, false), ("-password", .whole, false)],
            namesAccount: true),
        CommandOption(command: "sqlcmd", options: [("-P", .whole, false)]),
        CommandOption(command: "bcp", options: [("-P", .whole, false)]),
        CommandOption(command: "impacket", options: [("-p", .whole, false)]),
        CommandOption(command: "crackmapexec", options: [("-p", .whole, false)]),
        CommandOption(command: "evil-winrm", options: [("-p", .whole, false)]),
        CommandOption(command: "hydra", options: [("-p", .whole, false)]),
        CommandOption(command: "xfreerdp", options: [("/p:", .whole, true)]),
        CommandOption(command: "rdesktop", options: [("-p", .whole, false)]),
        CommandOption(command: "ipmitool", options: [("-P", .whole, false)]),
        CommandOption(
            command: "snmpwalk", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpget", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpset", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpbulkwalk", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(command: "ssh-keygen", options: [("-N", .whole, false), ("-P", .whole, false)]),
        CommandOption(command: "oathtool", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "ncftpput", options: [("-p", .whole, false)]),
        CommandOption(command: "ncftpget", options: [("-p", .whole, false)]),
        CommandOption(command: "sqlplus", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "expdp", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "impdp", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "sqlldr", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "rman", options: [], takesPositional: true, slashPositional: true),
        CommandOption(command: "mosquitto_pub", options: [("-P", .whole, false)]),
        CommandOption(command: "mosquitto_sub", options: [("-P", .whole, false)]),
        CommandOption(command: "keytool", options: [("-storepass", .whole, false), ("-keypass", .whole, false)]),
        CommandOption(command: "lftp", options: [("-u", .afterComma, false)]),
        CommandOption(
            command: "nmcli",
            options: [
                ("password", .whole, false), ("wifi-sec.psk", .whole, false),
                ("802-11-wireless-security.psk", .whole, false),
            ]),
        CommandOption(command: "gpg", options: [("--passphrase", .whole, false)]),
        CommandOption(command: "wpa_passphrase", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "configure", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "user-add", options: [("-p", .whole, false)]),
        CommandOption(command: "useradd", options: [("-p", .whole, false)]),
        CommandOption(command: "usermod", options: [("-p", .whole, false)]),
        CommandOption(command: "twine", options: [("-p", .whole, false)]),
        CommandOption(command: "poetry", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "gem", options: [("-k", .whole, false)]),
        CommandOption(
            command: "rabbitmqctl", options: [], takesPositional: true, lastPositional: true, namesQuoted: true),
        CommandOption(command: "rabbitmqadmin", options: [("-p", .whole, false)]),
        CommandOption(command: "influx", options: [("-t", .whole, false)]),
        CommandOption(
            command: "schtasks",
            options: [("/rp", .whole, false), ("/p", .whole, false), ("/RP", .whole, false), ("/P", .whole, false)]),
        CommandOption(
            command: "mosquitto_passwd", options: [], takesPositional: true, lastPositional: true, namesQuoted: true),
        CommandOption(command: "openssl passwd", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "bw unlock", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "operator unseal", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "set-agent-token", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "user:password", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "pihole setpassword", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "pihole", options: [("-p", .whole, false)]),
        CommandOption(command: "mkpasswd", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "alias set", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "reset-admin-password", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "config-set", options: [("-p", .whole, false)]),
        CommandOption(command: "radtest", options: [], pairPositional: true),
        CommandOption(command: "bw login", options: [], pairPositional: true),
        CommandOption(command: "bundle config", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "vmrun", options: [("-gp", .whole, false), ("-vp", .whole, false)]),
        CommandOption(command: "swaks", options: [("-ap", .whole, false), ("--auth-password", .whole, false)]),
        CommandOption(command: "sendemail", options: [("-xp", .whole, false)]),
        CommandOption(command: "set-user-password", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "ejabberdctl register", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "prosodyctl register", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "rclone obscure", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "hash-password", options: [("--plaintext", .whole, false), ("-p", .whole, false)]),
        CommandOption(command: "signtool", options: [("/p", .whole, false)]),
        CommandOption(command: "qpdf", options: [("--encrypt", .whole, false)]),
        CommandOption(command: "user:resetpassword", options: [], pairPositional: true),
        CommandOption(command: "ab", options: [("-A", .afterColon, false), ("-P", .afterColon, false)]),
        CommandOption(
            command: "transmission-remote", options: [("-n", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(command: "httpie", options: [("-a", .afterColon, false), ("--auth", .afterColon, false)]),
        CommandOption(
            command: "skopeo",
            options: [
                ("--creds", .afterColon, false), ("--src-creds", .afterColon, false),
                ("--dest-creds", .afterColon, false),
            ]),
        CommandOption(command: "pdftotext", options: [("-upw", .whole, false), ("-opw", .whole, false)]),
        CommandOption(command: "pdftoppm", options: [("-upw", .whole, false), ("-opw", .whole, false)]),
        CommandOption(command: "pdfimages", options: [("-upw", .whole, false), ("-opw", .whole, false)]),
        CommandOption(command: "add-generic-password", options: [("-w", .whole, false)]),
        CommandOption(command: "add-internet-password", options: [("-w", .whole, false)]),
        CommandOption(command: "yt-dlp", options: [("-p", .whole, false), ("--video-password", .whole, false)]),
        CommandOption(command: "youtube-dl", options: [("-p", .whole, false)]),
        CommandOption(
            command: "ldappasswd", options: [("-w", .whole, false), ("-s", .whole, false), ("-a", .whole, false)]),
        CommandOption(command: "ldapdelete", options: [("-w", .whole, false)]),
        CommandOption(command: "kinit", options: [("--password", .whole, false)]),
        CommandOption(command: "vncviewer", options: [("-passwd", .whole, false)]),
        CommandOption(command: "x11vnc", options: [("-passwd", .whole, false)]),
        CommandOption(command: "sqlite3", options: [("-key", .whole, false)]),
        CommandOption(command: "wrk", options: [("-u", .afterColon, false)]),
        CommandOption(command: "siege", options: [("-u", .afterColon, false)]),
        CommandOption(command: "rsync", options: [("--password", .whole, false)]),
        CommandOption(command: "sftp", options: [("-pw", .whole, false)]),
        CommandOption(command: "plink", options: [("-pw", .whole, false)]),
        CommandOption(command: "pscp", options: [("-pw", .whole, false)]),
        CommandOption(command: "putty", options: [("-pw", .whole, false)]),
        CommandOption(command: "winrs", options: [("-p:", .whole, true), ("/p:", .whole, true)]),
        CommandOption(command: "certutil", options: [("-p", .whole, false)]),
        CommandOption(command: "bitsadmin", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "winexe", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "smbmap", options: [("-p", .whole, false)]),
        CommandOption(command: "smbget", options: [("-U", .afterPercent, false)]),
        CommandOption(command: "mount.cifs", options: [("-p", .whole, false)]),
        CommandOption(command: "clickhouse-client", options: [("--password", .whole, false)]),
        CommandOption(command: "isql-fb", options: [("-p", .whole, false)]),
        CommandOption(command: "db2 connect", options: [("using", .whole, false)]),
        CommandOption(
            command: "snmptrap", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmpgetnext", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(
            command: "snmptable", options: [("-c", .whole, false), ("-A", .whole, false), ("-X", .whole, false)]),
        CommandOption(command: "gh secret", options: [("--body", .whole, false), ("-b", .whole, false)]),
        CommandOption(command: "nuget", options: [("-apikey", .whole, false), ("-ApiKey", .whole, false)]),
        CommandOption(command: "jarsigner", options: [("-storepass", .whole, false), ("-keypass", .whole, false)]),
        CommandOption(
            command: "apksigner", options: [("--ks-pass", .afterPass, false), ("--key-pass", .afterPass, false)]),
        CommandOption(command: "security unlock-keychain", options: [("-p", .whole, false)]),
        CommandOption(command: "create-keychain", options: [("-p", .whole, false)]),
        CommandOption(command: "set-keychain-password", options: [("-o", .whole, false), ("-p", .whole, false)]),
        CommandOption(command: "pkcs12", options: [("-password", .whole, false)]),
        CommandOption(command: "step", options: [("--password", .whole, false)]),
        CommandOption(command: "wpa_cli", options: [], takesPositional: true, lastPositional: true),
        CommandOption(command: "kubeadm", options: [("--token", .whole, false)]),
    ]
}
