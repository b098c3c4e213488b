/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/ca_profile.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/ca_facts.h"

enum { UUID_BYTES = 16, UUID_TEXT = 37, ID_TEXT = 320, HTTPS_PORT = 443, BASE64_LINE = 64 };

/* Character data of XML 1.0 (section 2.4). */
static void put_text(FILE *f, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '&')
			fputs("&amp;", f);
		else if (*c == '<')
			fputs("&lt;", f);
		else if (*c == '>')
			fputs("&gt;", f);
		else
			fputc(*c, f);
	}
}

static void put_string(FILE *f, const char *key, const char *text)
{
	fprintf(f, "<key>%s</key><string>", key);
	put_text(f, text);
	fputs("</string>\n", f);
}

/* A UUID of version 8 (RFC 9562 section 5.8) from the authority's digest and what the part is. */
static int put_uuid(FILE *f, const unsigned char digest[static CA_DIGEST], const char *part)
{
	unsigned char seed[CA_DIGEST + 16] = {0}, hash[EVP_MAX_MD_SIZE];
	memcpy(seed, digest, CA_DIGEST);
	memcpy(seed + CA_DIGEST, part, strnlen(part, 16));
	if (!EVP_Digest(seed, sizeof seed, hash, NULL, EVP_sha256(), NULL))
		return -EIO;
	hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x80);
	hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
	fputs("<key>PayloadUUID</key><string>", f);
	for (int i = 0; i < UUID_BYTES; i++)
		fprintf(f, "%s%02X", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", hash[i]);
	fputs("</string>\n<key>PayloadVersion</key><integer>1</integer>\n", f);
	return 0;
}

/* "jp.example.gate": a name's parts the other way round, as these identifiers are written. */
static void put_reversed(FILE *f, const char *name)
{
	size_t end = strlen(name);
	while (end) {
		size_t start = end;
		while (start && name[start - 1] != '.')
			start--;
		fprintf(f, "%.*s%s", (int)(end - start), name + start, start ? "." : "");
		end = start ? start - 1 : 0;
	}
}

static void put_identifier(FILE *f, const char *name, const char *part)
{
	fputs("<key>PayloadIdentifier</key><string>", f);
	put_reversed(f, name);
	fprintf(f, ".sekisho%s%s</string>\n", *part ? "." : "", part);
}

static int put_data(FILE *f, const unsigned char *der, size_t size)
{
	unsigned char *text = malloc(size * 4 / 3 + 8);
	if (!text)
		return -ENOMEM;
	int n = EVP_EncodeBlock(text, der, (int)size);
	fputs("<key>PayloadContent</key><data>\n", f);
	for (int i = 0; i < n; i += BASE64_LINE)
		fprintf(f, "%.*s\n", n - i < BASE64_LINE ? n - i : BASE64_LINE, (char *)text + i);
	fputs("</data>\n", f);
	free(text);
	return 0;
}

static int put_root(
	FILE *f, const struct ca_facts *facts, const unsigned char *der, size_t size, const struct ca_profile_words *w)
{
	fputs("<dict>\n<key>PayloadType</key><string>com.apple.security.root</string>\n", f);
	put_identifier(f, w->name, "ca");
	put_string(f, "PayloadDisplayName", facts->title);
	put_string(f, "PayloadCertificateFileName", "sekisho-ca.cer");
	int error = put_uuid(f, facts->digest, "root");
	if (!error)
		error = put_data(f, der, size);
	fputs("</dict>\n", f);
	return error;
}

static int put_clip(FILE *f, const struct ca_facts *facts, const struct ca_profile_words *w)
{
	char url[ID_TEXT];
	if (w->port == HTTPS_PORT)
		snprintf(url, sizeof url, "https://%s/", w->name);
	else
		snprintf(url, sizeof url, "https://%s:%u/", w->name, w->port);
	fputs("<dict>\n<key>PayloadType</key><string>com.apple.webClip.managed</string>\n", f);
	put_identifier(f, w->name, "page");
	put_string(f, "PayloadDisplayName", w->label);
	put_string(f, "Label", w->label);
	put_string(f, "URL", url);
	fputs("<key>IsRemovable</key><true/>\n<key>FullScreen</key><false/>\n", f);
	int error = put_uuid(f, facts->digest, "page");
	fputs("</dict>\n", f);
	return error;
}

static int put_profile(
	FILE *f, const struct ca_facts *facts, const unsigned char *der, size_t size, const struct ca_profile_words *w)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	      "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n"
	      "<key>PayloadType</key><string>Configuration</string>\n",
		f);
	put_identifier(f, w->name, "");
	put_string(f, "PayloadDisplayName", w->label);
	put_string(f, "PayloadOrganization", w->label);
	put_string(f, "PayloadDescription",
		"Lets this phone trust the login page of the remote-access gateway, and only that page.");
	fputs("<key>PayloadRemovalDisallowed</key><false/>\n", f);
	int error = put_uuid(f, facts->digest, "profile");
	fputs("<key>PayloadContent</key>\n<array>\n", f);
	if (!error)
		error = put_root(f, facts, der, size, w);
	if (!error)
		error = put_clip(f, facts, w);
	fputs("</array>\n</dict>\n</plist>\n", f);
	return error;
}

int ca_profile(const char *authority, const struct ca_profile_words *w, char **out)
{
	struct ca_facts facts;
	unsigned char *der = NULL;
	char *text = NULL;
	size_t size = 0, length = 0;
	int error = ca_facts(authority, &facts);
	if (!error)
		error = ca_der(authority, &der, &size);
	if (error)
		return error;
	FILE *f = open_memstream(&text, &length);
	error = f ? put_profile(f, &facts, der, size, w) : -ENOMEM;
	if (f && fclose(f) && !error)
		error = -ENOMEM;
	if (!error) {
		*out = text;
		text = NULL;
	}
	free(text);
	free(der);
	return error;
}
