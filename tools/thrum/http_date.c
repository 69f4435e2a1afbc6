/* SPDX-License-Identifier: MIT */
/*
 * http_date.c - dates as HTTP writes them (section 5.6.7 of RFC 9110), in any locale.
 *
 * Days are counted with March as the year's first month, so that a leap day is its last.
 */
#include <string.h>

#include "http.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "SunMonTueWedThuFriSat";

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t era;
	unsigned of_year, of_era;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = (unsigned)(year - era * 400);
	of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + (int64_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) -
	       719468;
}

static void put_number(char *out, unsigned value, unsigned digits)
{
	while (digits--) {
		out[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void http_date_format(char *out, time_t t)
{
	int64_t day = t / 86400 - (t % 86400 < 0);
	unsigned second = (unsigned)(t - day * 86400);
	int64_t shifted = day + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	unsigned of_era = (unsigned)(shifted - era * 146097);
	unsigned years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * years + years / 4 - years / 100);
	unsigned shifted_month = (5 * of_year + 2) / 153;
	unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
	int64_t year = years + era * 400 + (month <= 2);
	unsigned weekday = (unsigned)(((day + 4) % 7 + 7) % 7);

	memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LENGTH);
	memcpy(out, days + weekday * 3, 3);
	put_number(out + 5, of_year - (153 * shifted_month + 2) / 5 + 1, 2);
	memcpy(out + 8, months + (month - 1) * 3, 3);
	put_number(out + 12, (unsigned)(year < 0 ? 0 : year > 9999 ? 9999 : year), 4);
	put_number(out + 17, second / 3600, 2);
	put_number(out + 20, second / 60 % 60, 2);
	put_number(out + 23, second % 60, 2);
}

/* The three forms.  D: digits of the day, with a blank for a first zero if small; Y, y: of the
 * year, all or the last two; h, m, s; B: the month's letters; w: the weekday's; *: letters up to a
 * comma. */
static const char *const forms[] = {
    "www, DD BBB YYYY hh:mm:ss GMT",
    "*, DD-BBB-yy hh:mm:ss GMT",
    "www BBB DD hh:mm:ss YYYY",
};

struct fields {
	unsigned year, short_year, month, day, hour, minute, second;
};

static bool take_letters(const char *text, const char *table, size_t n, unsigned *out)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(text, table + i * 3, 3) == 0) {
			*out = (unsigned)i + 1;
			return true;
		}
	return false;
}

static bool take_digit(char form, char c, struct fields *f)
{
	unsigned *field = form == 'D'   ? &f->day
			  : form == 'Y' ? &f->year
			  : form == 'y' ? &f->short_year
			  : form == 'h' ? &f->hour
			  : form == 'm' ? &f->minute
					: &f->second;

	if (form == 'D' && c == ' ' && *field == 0)
		c = '0';
	if (c < '0' || c > '9')
		return false;
	*field = *field * 10 + (unsigned)(c - '0');
	return true;
}

static bool matches(const char *form, const char *text, const char *end, struct fields *f)
{
	unsigned weekday;

	for (; *form; form++) {
		if (*form == '*') {
			while (text < end && *text != ',')
				text++;
			continue;
		}
		if (text == end)
			return false;
		if (*form == 'B' || *form == 'w') {
			bool month = *form == 'B';

			if (end - text < 3 ||
			    !take_letters(text, month ? months : days, month ? 12 : 7,
					  month ? &f->month : &weekday))
				return false;
			form += 2;
			text += 3;
		} else if (strchr("DYyhms", *form)) {
			if (!take_digit(*form, *text++, f))
				return false;
		} else if (*form != *text++) {
			return false;
		}
	}
	return text == end;
}

/* Of the years with these two last digits the one that is at most 50 years ahead, and no more than
 * 49 back. */
static unsigned place_year(unsigned short_year, time_t now)
{
	char date[HTTP_DATE_LENGTH];
	unsigned this_year = 0, year;

	http_date_format(date, now);
	for (int i = 12; i < 16; i++)
		this_year = this_year * 10 + (unsigned)(date[i] - '0');
	year = this_year - this_year % 100 + short_year;
	if (year > this_year + 50)
		return year - 100;
	return year + 49 < this_year ? year + 100 : year;
}

bool http_date_parse(const char *text, size_t length, time_t now, time_t *out)
{
	static const unsigned char lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct fields f;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(&f, 0, sizeof(f));
		if (matches(forms[i], text, text + length, &f))
			break;
	}
	if (i == sizeof(forms) / sizeof(forms[0]))
		return false;
	if (i == 1)
		f.year = place_year(f.short_year, now);
	if (f.day < 1 || f.day > lengths[f.month - 1] || f.hour > 23 || f.minute > 59 ||
	    f.second > 60)
		return false;
	if (f.month == 2 && f.day == 29 && (f.year % 4 || (f.year % 100 == 0 && f.year % 400)))
		return false;
	*out = days_of(f.year, f.month, f.day) * 86400 + f.hour * 3600 + f.minute * 60 + f.second;
	return true;
}
