#include "EmbeddedData.h"

#include <string.h>

// The compiler knows #embed in every mode, and says so each time.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char config_schema[] = {
#embed "data/schemas/config.schema.json"
};
static const unsigned char status_schema[] = {
#embed "data/schemas/status.schema.json"
};
static const unsigned char run_schema[] = {
#embed "data/schemas/job-run.schema.json"
};
static const unsigned char snapshot_schema[] = {
#embed "data/schemas/instance-snapshot.schema.json"
};
static const unsigned char fleet_schema[] = {
#embed "data/schemas/fleet-snapshot.schema.json"
};
static const unsigned char hermes_policy[] = {
#embed "data/policy/hermes.yaml"
};
static const unsigned char token_rules[] = {
#embed "data/rules/tokens.json"
};
static const unsigned char vendor_rules[] = {
#embed "data/rules/vendors.json"
};
static const unsigned char common_grams[] = {
#embed "data/rules/common-grams.json"
};
static const unsigned char mnemonic_words[] = {
#embed "data/rules/mnemonic-words.txt"
};

#define FILE_ENTRY(path, symbol) {path, symbol, sizeof symbol}

static const struct hx_embedded_file files[] = {
    FILE_ENTRY("schemas/config.schema.json", config_schema),
    FILE_ENTRY("schemas/status.schema.json", status_schema),
    FILE_ENTRY("policy/hermes.yaml", hermes_policy),
    FILE_ENTRY("schemas/job-run.schema.json", run_schema),
    FILE_ENTRY("schemas/instance-snapshot.schema.json", snapshot_schema),
    FILE_ENTRY("schemas/fleet-snapshot.schema.json", fleet_schema),
    FILE_ENTRY("rules/tokens.json", token_rules),
    FILE_ENTRY("rules/vendors.json", vendor_rules),
    FILE_ENTRY("rules/common-grams.json", common_grams),
    FILE_ENTRY("rules/mnemonic-words.txt", mnemonic_words),
};

const struct hx_embedded_file *hx_embedded_file(const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].name, name) == 0) return &files[i];
    return NULL;
}
