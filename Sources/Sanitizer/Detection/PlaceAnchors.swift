/// The anchors of rules for places: what a sentence, a line of a format or a call says before or after a secret.
enum PlaceAnchors {
    static let all: [(text: String, action: RuleSet.Action, isCaseSensitive: Bool)] =
        each(DetectionPass.withJoints, .withJoint) + each(DetectionPass.pictures, .picture)
        + each(DetectionPass.spokenNames, .spokenName) + each(DetectionPass.codeNames, .groupedCode)
        + each(DetectionPass.loginLabels, .loginLabel) + each(DetectionPass.hostEnds, .hostNote)
        + each(DetectionPass.topics, .note) + each(["<< eof", "<<eof", "<<'eof", "<<end"], .heredoc)
        + each(["admin and ", "admin und ", "root and ", "root und ", "admin y ", "admin et "], .accountAnd)
        + each(["credentials are ", "creds are ", "logins are "], .basicPair)
        + each([" p: ", " p = ", "ww: "], .shortFields) + each(["privkey:"], .privateKeyHex)
        + each(["socks5 ", "socks4 "], .socks) + each(["secret,id="], .secretObject)
        + each([" -p "], .shortPasswordFlag, isCaseSensitive: true)
        + each([" +@", " -@", "on >", " allkeys "], .accessList)
        + each(["MONITOR "], .monitor, isCaseSensitive: true) + each(["$USER"], .resourceMacro, isCaseSensitive: true)
        + each(["/t/"], .pathToken, isCaseSensitive: true) + each(["community"], .community)
        + each(
            ["encrypt =", "encrypt:", "encrypt\"", "encryption =", "encryption:", "encryption\"", "encrypt="], .encrypt)
        + each(["<master>{"], .mavenMaster)
        + each(["pragma key", "pragma rekey", "pragma hexkey", " key '"], .cipherKey)
        + each(["connect ", "conn "], .oracleConnect) + each(["open -u "], .openUser) + each(["{tab}"], .pressedKeys)
        + each(DetectionPass.otherOnes, .otherOne) + each(DetectionPass.changes, .change) + each([" -> "], .arrowNote)
        + each(DetectionPass.securityQuestions, .securityQuestion)
        + each(["secretid", "secret_id"], .secretID) + each(["\".tochararray("], .charArray)
        + each(DetectionPass.cookieMembers, .cookieObject) + each(["convertto-securestring"], .secureString)
        + each(["set password for ", "set password from "], .setPassword)
        + each(["sp_addlogin ", "sp_password"], .loginProcedure)
        + each(["client(", "api(", "sdk("], .clientCall) + each(["server = "], .serverLine)
        + each(["@tcp(", "@unix("], .sourceName) + each(["@//"], .easyConnect)
        + each(DetectionPass.decoders, .decodedKey)
        + each(["passwd -1 ", "passwd -5 ", "passwd -6 ", "passwd -apr1 "], .typedWord)
        + each(["input password  ", "input text  "], .robotInput)
        + each(["]:587", "]:465", "]:25 ", "]:submission", "]:smtp"], .relayLogin)
        + each(["loginmodule", "kafkaserver {", "kafkaclient {"], .loginModule)
        + each(["chpasswd:"], .passwordLines)
        + each(
            ["oracle:thin:", "oracle:oci:", "oracle:oci8:", "userid=", "oracle.connect(\"", "oracledb.connect(\""],
            .slashLogin)
        + each(
            [
                "secretsdump.py ", "psexec.py ", "wmiexec.py ", "smbexec.py ", "atexec.py ", "dcomexec.py ",
                "smbclient.py ", "mssqlclient.py ",
            ], .targetLogin)
        + each(
            [
                "/invite/", "/verify/", "/confirm/", "/activate/", "/reset/", "/unsubscribe/", "/rss/", "/ical/",
                "-calendars/", "/feeds/", "/services/", "/ping/", "/share/", "/token/", "/magic/", "/index.php/s/",
                "ntfy.sh/", "api.day.app/", "nosnch.in/", "statuspage.io/", "cronitor.link/p/", "sctapi.ftqq.com/",
                "afraid.org/u/", "dynamicurl/?q=", "ankr.com/eth/",
            ], .pathToken)
        + each(["\nuser: ", "\nlogin: ", "\nurl: "], .storeField)
        + each(
            [
                "accounts: [", "accounts:[", "wallet(", "privatekeytoaccount(", "from_key(", "walletprovider(",
                "localaccount(", "hextoecdsa(", "eckeypair.create(", "credentials.create(", "signingkey(", "deployer:",
                "privatekeytoaddress(",
            ], .privateHex)

    private static func each(_ texts: [String], _ action: RuleSet.Action, isCaseSensitive: Bool = false) -> [(
        text: String, action: RuleSet.Action, isCaseSensitive: Bool
    )] { texts.map { ($0, action, isCaseSensitive) } }
}
